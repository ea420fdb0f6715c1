package doctor

import (
	"context"
	"errors"
	"strings"
)

// What a Switch probe may find wrong, to be wrapped with details.
var (
	ErrUnreachable = errors.New("nobody listens there")
	ErrPassword    = errors.New("the password is refused")
	ErrACL         = errors.New("the switch refuses this address")
)

// SwitchFacts is what the Event Socket said.
type SwitchFacts struct {
	Version      string // as the switch writes it
	APIExpansion string // "on", "off", or "" when the switch does not tell
}

// Switch asks the Event Socket at its address for its facts.
type Switch interface {
	Address() string
	Facts(ctx context.Context) (SwitchFacts, error)
}

var subjectSwitch = Text{"comutador", "switch"}

// CheckSwitch looks at reachability, password, version and at what makes a dial string dangerous.
func CheckSwitch(s Switch) Check {
	return func(ctx context.Context) []Result {
		facts, err := s.Facts(ctx)
		if err != nil {
			return []Result{fail(subjectSwitch, both("Event Socket em %s: %v", "Event Socket at %s: %v", s.Address(), err),
				switchAdvice(err))}
		}
		results := []Result{good(subjectSwitch, both("%s responde em %s", "%s answers at %s", facts.Version, s.Address()))}
		if facts.APIExpansion == "on" {
			results = append(results, fail(subjectSwitch,
				Text{"api-expansion está ligado: um número discado poderia executar comandos",
					"api-expansion is on: a dialled number could run commands"},
				Text{"em switch.conf.xml ponha api-expansion em false e recarregue; ou use freeswitch-conf do Ramal",
					"set api-expansion to false in switch.conf.xml and reload; or use Ramal's freeswitch-conf"}))
		}
		if strings.Contains(facts.Version, "-dev") {
			results = append(results, warn(subjectSwitch,
				Text{"versão de desenvolvimento, só para testes", "a development version, for tests only"},
				Text{"em produção use a versão 1.11.3 ou mais nova", "use release 1.11.3 or newer in production"}))
		}
		return results
	}
}

func switchAdvice(err error) Text {
	switch {
	case errors.Is(err, ErrUnreachable):
		return Text{"inicie o comutador (`ramal serve` inicia o embutido) ou corrija o endereço do Event Socket",
			"start the switch (`ramal serve` starts the embedded one) or correct the Event Socket's address"}
	case errors.Is(err, ErrPassword):
		return Text{"a senha precisa ser a de event_socket.conf.xml", "the password must be the one of event_socket.conf.xml"}
	case errors.Is(err, ErrACL):
		return Text{"ponha este endereço na ACL de event_socket.conf.xml (apply-inbound-acl)",
			"add this address to the ACL of event_socket.conf.xml (apply-inbound-acl)"}
	}
	return Text{"veja o registro do comutador", "see the switch's log"}
}
