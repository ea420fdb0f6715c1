package api

import (
	"fmt"

	"ramal/directory"
)

// text is one sentence in the languages that the interface speaks; %s stands for what the caller gives.
type text struct{ pt, en string }

func (t text) in(l directory.Locale, args ...any) string {
	s := t.pt
	if l == directory.English {
		s = t.en
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// What an error says: what happened, what to do, what was not lost.
var (
	textSignedOut = text{"Você não está mais conectado. Entre de novo para continuar.",
		"You are not signed in any more. Sign in again to go on."}
	textWrongPassword = text{"E-mail ou senha não conferem. Confira e tente de novo.",
		"E-mail and password do not match. Check them and try again."}
	textLocked = text{"A entrada está bloqueada até %s por excesso de tentativas. Espere até lá e tente de novo.",
		"Sign-in is locked until %s after too many attempts. Wait until then and try again."}
	textForbidden = text{"Falta a permissão “%s”. Quem administra a empresa pode concedê-la.",
		"The permission “%s” is missing. Whoever administers the company can grant it."}
	textCrossOrigin = text{"O pedido veio de outra página e foi recusado. Abra o Ramal e tente de novo por lá.",
		"The request came from another page and was refused. Open Ramal and try again there."}
	textInvalid = text{"O pedido não pôde ser entendido e nada mudou. Confira os dados e tente de novo.",
		"The request could not be understood and nothing changed. Check the data and try again."}
	textTooLarge = text{"O pedido é grande demais e nada mudou. Envie menos de cada vez.",
		"The request is too large and nothing changed. Send less at a time."}
	textNotFound = text{"Isto não existe ou não pertence à sua empresa. Volte e escolha outro.",
		"This does not exist or does not belong to your company. Go back and choose another."}
	textConflict = text{"O estado atual não permite isto e nada mudou. Confira e tente de novo.",
		"The present state does not allow this and nothing changed. Check and try again."}
	textUnavailable = text{"O sistema não responde agora e nada mudou. Tente de novo em alguns segundos.",
		"The system does not answer now and nothing changed. Try again in a few seconds."}
	textInternal = text{
		"Algo falhou do nosso lado e nada foi salvo. Tente de novo; se repetir, envie o código %s ao suporte.",
		"Something failed on our side and nothing was saved. Try again; if it repeats, send the code %s to the support."}
	textNoExtension = text{
		"Sua conta não tem ramal e por isso não recebe ligações. Peça um ramal a quem administra a empresa.",
		"Your account has no extension and so is offered no calls. Ask whoever administers the company for one."}
	textBreakReason = text{"Escolha um motivo de pausa da lista. Seu estado não mudou.",
		"Choose a break reason from the list. Your state has not changed."}
	textNoRecording = text{"Este atendimento não tem gravação.",
		"This interaction has no recording."}
	textRecordingLost = text{"O arquivo desta gravação não está mais no servidor. Fale com quem administra a empresa.",
		"The file of this recording is no longer on the server. Talk to whoever administers the company."}
)

// permissionNames are what people call the permissions.
var permissionNames = map[directory.Permission]text{
	directory.OwnProfile:          {"Usar o próprio perfil", "Use one's own profile"},
	directory.TakeCalls:           {"Atender", "Take calls"},
	directory.ManageAgents:        {"Gerir agentes", "Manage agents"},
	directory.ViewLive:            {"Ver ao vivo", "View live"},
	directory.ViewInteractions:    {"Ver atendimentos", "View interactions"},
	directory.ViewOwnInteractions: {"Ver os próprios atendimentos", "View one's own interactions"},
	directory.ViewNumbers:         {"Ver números de clientes", "View customers' numbers"},
	directory.HearRecordings:      {"Ouvir gravações", "Listen to recordings"},
	directory.ManageSettings:      {"Configurar", "Manage settings"},
	directory.ViewAudit:           {"Ver auditoria", "View the audit log"},
	directory.ViewMetrics:         {"Ver métricas técnicas", "View technical metrics"},
	directory.ManagePlatform:      {"Operar a plataforma", "Operate the platform"},
}
