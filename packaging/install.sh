#!/bin/sh
# Installs agent for the person who runs it: finds out what machine this is, fetches the archive for it,
# compares it with the sum that was published, and puts the program into ~/.local/bin. Nothing else is
# touched, and nothing is done as root.
#
#   sh install.sh [--version X.Y.Z] [--to DIR]
#
# AGENT_RELEASES names another address of the releases, such as a mirror.
#
# All is in functions, so that a half of this file does nothing.
set -eu

RELEASES=${AGENT_RELEASES:-https://github.com/OWNER/agent/releases}

say() { printf '%s\n' "$*"; }

give_up() {
  printf 'error: %s\n' "$1" >&2
  if [ -n "${2:-}" ]; then printf 'hint: %s\n' "$2" >&2; fi
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

target() {
  case "$(uname -m)" in
    x86_64 | amd64) cpu=x86_64 ;;
    aarch64 | arm64) cpu=aarch64 ;;
    *) give_up "there is no build for the processor $(uname -m)" "build it: cargo build --release" ;;
  esac
  case "$(uname -s)" in
    Linux) say "$cpu-unknown-linux-musl" ;;
    Darwin) say "$cpu-apple-darwin" ;;
    *) give_up "there is no build for $(uname -s)" "build it: cargo build --release" ;;
  esac
}

# What is fetched from an address that is safe stays with such addresses, wherever it is sent on to.
fetch() {
  case $1 in https://*) only=https ;; *) only=http,https ;; esac
  if has curl; then
    curl -fsSL --proto "=$only" --retry 2 -o "$2" "$1"
  elif has wget; then
    if [ "$only" = https ] && wget --help 2>&1 | grep -q -- --https-only; then
      wget -q --https-only -O "$2" "$1"
    else
      wget -q -O "$2" "$1"
    fi
  else
    give_up "there is neither curl nor wget to fetch it with" "install one of them"
  fi
}

sum_of() {
  if has sha256sum; then
    sha256sum <"$1" | cut -d ' ' -f 1
  elif has shasum; then
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  elif has openssl; then
    openssl dgst -sha256 <"$1" | sed 's/.* //'
  else
    give_up "there is nothing to compute a sha256 with" "install coreutils, perl or openssl"
  fi
}

main() {
  version='' to=${HOME:?is not set}/.local/bin
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --to) [ $# -ge 2 ] || give_up "\`$1\` wants a value" ;;
      *) give_up "there is no option \`$1\`" "sh install.sh [--version X.Y.Z] [--to DIR]" ;;
    esac
    case $1 in
      --version) version=${2#v} ;;
      --to) to=$2 ;;
    esac
    shift 2
  done
  machine=$(target)
  if [ -n "$version" ]; then from=$RELEASES/download/v$version; else from=$RELEASES/latest/download; fi

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM HUP
  fetch "$from/SHA256SUMS" "$work/SHA256SUMS" ||
    give_up "cannot fetch $from/SHA256SUMS" "is this machine connected, and does that version exist?"
  # The list names the archive, and so the version.
  name=$(sed -n "s/^[0-9a-f]\{64\} [ *]\(agent-[0-9A-Za-z.+-]*-$machine\.tar\.gz\)\$/\1/p" "$work/SHA256SUMS" | head -n 1)
  [ -n "$name" ] || give_up "this release has nothing for $machine" "build it: cargo build --release"
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$name\$/\1/p" "$work/SHA256SUMS" | head -n 1)

  say "fetching $name"
  fetch "$from/$name" "$work/$name" || give_up "cannot fetch $from/$name" "try again"
  found=$(sum_of "$work/$name")
  [ "$found" = "$wanted" ] ||
    give_up "what came is not what it should be: its sha256 is $found, not $wanted" \
      "nothing was installed; try again, and look at what is between here and there"
  tar -xzf "$work/$name" -C "$work" "${name%.tar.gz}/agent" || give_up "cannot unpack $name"
  "$work/${name%.tar.gz}/agent" --version >/dev/null 2>&1 ||
    give_up "the program does not run on this machine" "nothing was installed; build it: cargo build --release"

  if ! { mkdir -p "$to" && cp "$work/${name%.tar.gz}/agent" "$to/.agent.$$"; } 2>/dev/null; then
    rm -f "$to/.agent.$$" 2>/dev/null || :
    give_up "cannot write to $to" "name a folder of your own with --to DIR"
  fi
  chmod 755 "$to/.agent.$$"
  mv -f "$to/.agent.$$" "$to/agent"

  say "its sha256 is as published; installed $("$to/agent" --version): $to/agent"
  case ":$PATH:" in
    *":$to:"*) say "next: agent demo, or agent \"explain this project\"" ;;
    *) say "$to is not in your PATH; add it: export PATH=\"$to:\$PATH\"" ;;
  esac
}

main "$@"
