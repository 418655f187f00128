#!/bin/sh
# Installs a release of upscaled for the user who runs it; see --help.
set -eu

usage() {
	cat <<'HELP'
usage: curl -fsSL "$RELEASES/install.sh" | sh -s -- "$RELEASES" [--full]

Downloads the archive for this system from the folder at $RELEASES, which has the
files that scripts/release writes, and checks it against SHA256SUMS there. The
program goes to ~/.local/lib/upscaled with a link in ~/.local/bin; manual pages and
completions for bash go to ~/.local/share. UPSCALED_PREFIX replaces ~/.local.

  --full    the archive with ONNX Runtime and the default models, for machines
            without a network

Needs curl or wget, tar and gzip, and sha256sum or shasum. Nothing is installed
unless the sum is right. To uninstall, remove ~/.local/lib/upscaled and the link.
HELP
}

fail() {
	echo "install.sh: $1" >&2
	exit 1
}

# download URL FILE
download() {
	if command -v curl >/dev/null; then
		curl -fsSL -o "$2" "$1"
	elif command -v wget >/dev/null; then
		wget -q -O "$2" "$1"
	else
		fail "curl or wget is needed."
	fi || fail "$1 cannot be downloaded."
}

# Nothing runs before the last line, so that a script that was cut off does nothing.
main() {
	releases='' full=''
	for argument in "$@"; do
		case "$argument" in
		-h | --help)
			usage
			exit 0
			;;
		--full) full=-full ;;
		-*) fail "unknown option $argument; see --help." ;;
		*) releases=${argument%/} ;;
		esac
	done
	[ -n "$releases" ] || fail "name the URL of the releases; see --help."
	case "$(uname -s)" in
	Linux) system=linux ;;
	Darwin) system=darwin ;;
	*) fail "there is no archive for $(uname -s); on Windows, unpack the zip file." ;;
	esac
	case "$(uname -m)" in
	x86_64 | amd64) arch=amd64 ;;
	aarch64 | arm64) arch=arm64 ;;
	*) fail "there is no archive for $(uname -m)." ;;
	esac
	prefix=${UPSCALED_PREFIX:-$HOME/.local}
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	download "$releases/SHA256SUMS" "$work/all"
	grep -E "^[0-9a-f]{64}  upscaled-[^/ ]*-$system-$arch$full\.tar\.gz\$" "$work/all" | tail -n 1 >"$work/sum"
	archive=$(cut -c67- "$work/sum")
	[ -n "$archive" ] || fail "$releases has no archive for $system/$arch$full."
	echo "downloading $archive"
	download "$releases/$archive" "$work/$archive"
	(
		cd "$work"
		if command -v sha256sum >/dev/null; then sha256sum -c sum; else shasum -a 256 -c sum; fi
	) >/dev/null 2>&1 || fail "$archive is not the file that SHA256SUMS names; nothing was installed."
	tar -xzf "$work/$archive" -C "$work"
	mkdir -p "$prefix/lib" "$prefix/bin" "$prefix/share/man/man1" "$prefix/share/bash-completion/completions"
	rm -rf "$prefix/lib/upscaled.new"
	cp -R "$work/${archive%.tar.gz}" "$prefix/lib/upscaled.new"
	rm -rf "$prefix/lib/upscaled"
	mv "$prefix/lib/upscaled.new" "$prefix/lib/upscaled"
	ln -sf "$prefix/lib/upscaled/upscaled" "$prefix/bin/upscaled"
	cp "$prefix/lib/upscaled/man/"*.1 "$prefix/share/man/man1/"
	cp "$prefix/lib/upscaled/completions/upscaled.bash" "$prefix/share/bash-completion/completions/upscaled"
	echo "installed $("$prefix/bin/upscaled" version) as $prefix/bin/upscaled"
	case ":$PATH:" in
	*":$prefix/bin:"*) ;;
	*) echo "add it to your PATH: export PATH=\"$prefix/bin:\$PATH\"" ;;
	esac
}

main "$@"
