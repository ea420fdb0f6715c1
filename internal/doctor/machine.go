package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"
)

// Tools runs a program and returns what it wrote to its standard output.
type Tools interface {
	Output(ctx context.Context, name string, args ...string) ([]byte, error)
}

var subjectMedia = Text{"áudio", "audio"}

// CheckMedia tries ffmpeg and espeak-ng with a moment of sound: a program that is there may still lack a codec or a
// voice.
func CheckMedia(tools Tools) Check {
	return func(ctx context.Context) []Result {
		return []Result{
			tool(ctx, tools, "ffmpeg", "ffmpeg", 1600, "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i",
				"sine=frequency=440:duration=0.1:sample_rate=8000", "-f", "s16le", "-"),
			tool(ctx, tools, "espeak-ng", "espeak-ng", 1000, "-v", "pt-br", "--stdout", "olá"),
		}
	}
}

// tool runs a program that must write at least atLeast bytes of sound.
func tool(ctx context.Context, tools Tools, name, pkg string, atLeast int, args ...string) Result {
	out, err := tools.Output(ctx, name, args...)
	install := both("instale: apt-get install %s", "install it: apt-get install %s", pkg)
	switch {
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
		return fail(subjectMedia, both("%s não está instalado", "%s is not installed", name), install)
	case err != nil:
		return fail(subjectMedia, both("%s não funciona: %v", "%s does not work: %v", name, err),
			both("reinstale: apt-get install --reinstall %s", "reinstall it: apt-get install --reinstall %s", pkg))
	case len(out) < atLeast:
		return fail(subjectMedia, both("%s não produz som (%d bytes)", "%s makes no sound (%d bytes)", name, len(out)),
			install)
	}
	return good(subjectMedia, both("%s funciona", "%s works", name))
}

// Port is an address that Ramal or its switch listens on.
type Port struct {
	Use     Text   // what it is for
	Network string // "tcp" or "udp"
	Address string // host:port
}

// Ports tries to listen. It returns nil when the address was free; it gives it back at once.
type Ports interface {
	Try(ctx context.Context, network, address string) error
}

var subjectPort = Text{"porta", "port"}

// CheckPorts says which ports somebody else holds. ours says whether this checkout's Ramal is running: then its ports
// are held by itself.
func CheckPorts(ports Ports, ours func(ctx context.Context) bool, list ...Port) Check {
	return func(ctx context.Context) []Result {
		running := ours(ctx)
		var results []Result
		for _, p := range list {
			results = append(results, port(ctx, ports, running, p))
		}
		return results
	}
}

func port(ctx context.Context, ports Ports, running bool, p Port) Result {
	name := fmt.Sprintf("%s %s", p.Address, p.Network)
	err := ports.Try(ctx, p.Network, p.Address)
	switch {
	case err == nil:
		return good(subjectPort, Text{name + " está livre (" + p.Use.PT + ")", name + " is free (" + p.Use.EN + ")"})
	case errors.Is(err, syscall.EADDRINUSE) && running:
		return good(subjectPort, Text{name + " é usada pelo Ramal (" + p.Use.PT + ")",
			name + " is in use by Ramal (" + p.Use.EN + ")"})
	case errors.Is(err, syscall.EADDRINUSE):
		return fail(subjectPort,
			Text{name + " já é usada por outro programa (" + p.Use.PT + ")",
				name + " is in use by another program (" + p.Use.EN + ")"},
			both("veja quem com `ss -lnp`, encerre-o ou escolha outra porta",
				"see who with `ss -lnp`; end it or choose another port"))
	case errors.Is(err, syscall.EACCES):
		return fail(subjectPort,
			Text{name + " não é permitida a este usuário (" + p.Use.PT + ")",
				name + " is not allowed to this user (" + p.Use.EN + ")"},
			Text{"escolha uma porta acima de 1023 ou dê CAP_NET_BIND_SERVICE",
				"choose a port above 1023 or grant CAP_NET_BIND_SERVICE"})
	}
	return fail(subjectPort, both("%s: %v", "%s: %v", name, err),
		Text{"confira o endereço: ele precisa ser desta máquina", "check the address: it must be one of this machine"})
}

// Disk tells the free space below a directory in bytes, and whether a file can be written there.
type Disk interface {
	Free(dir string) (bytes uint64, err error)
	Writable(dir string) error
}

// Limits of free space in bytes: an hour of stereo recording at 8 kHz is 115 MB.
const (
	diskWarn = 2 << 30
	diskFail = 200 << 20
)

var subjectDisk = Text{"disco", "disk"}

// CheckDisk looks at the directory of data and recordings.
func CheckDisk(disk Disk, dir string) Check {
	return func(context.Context) []Result {
		if err := disk.Writable(dir); err != nil {
			return []Result{fail(subjectDisk, both("não é possível gravar em %s: %v", "cannot write in %s: %v", dir, err),
				Text{"dê o diretório ao usuário do Ramal", "give the directory to Ramal's user"})}
		}
		free, err := disk.Free(dir)
		if err != nil {
			return []Result{fail(subjectDisk, both("espaço livre em %s desconhecido: %v", "free space in %s is not known: %v",
				dir, err),
				Text{"confira a montagem", "check the mount"})}
		}
		what := both("%d MB livres em %s", "%d MB free in %s", free>>20, dir)
		do := Text{"libere espaço ou mova as gravações", "free some space or move the recordings"}
		switch {
		case free < diskFail:
			return []Result{fail(subjectDisk, what, do)}
		case free < diskWarn:
			return []Result{warn(subjectDisk, what, do)}
		}
		return []Result{good(subjectDisk, what)}
	}
}
