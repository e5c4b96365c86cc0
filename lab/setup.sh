#!/bin/sh
# setup.sh node|demo|test|bench|matrix: makes a checkout ready for what is about to run, and says nothing when it already is.
#   node  Node 26 and the npm packages of package-lock.json
#   demo  the same, and the Debian packages that `npm run demo` needs
#   test  the same, and the Debian packages that `npm test` needs; bench and matrix: those of `npm run bench` and `test:matrix`
# Runs before node_modules exists, under whatever Node and npm the machine has. Exit 6: something is missing, said which.
set -eu
cd "${0%/*}/.."
what=${1:?node, demo, test, bench or matrix}

# First of all, because the Node in node_modules does not start without libatomic.
sh lab/packages.sh "$what"

stamp=node_modules/.vmcore-lock
if [ ! -d node_modules ]; then
  why='node_modules is missing'
elif ! cmp -s package-lock.json "$stamp"; then
  why='package-lock.json is not what node_modules was installed from'
else
  why=
fi
if [ -n "$why" ]; then
  echo "vmcore: running npm ci ($why)" >&2
  # npm's own Node and program, when npm started us: PATH then begins with node_modules/.bin, whose node npm ci deletes.
  case ${npm_execpath:-} in
    *npm-cli.js) set -- "${npm_node_execpath:-node}" "$npm_execpath" ;;
    *) set -- npm ;;
  esac
  if ! "$@" ci --include=dev --include=optional --loglevel=error --no-update-notifier </dev/null >&2; then
    echo 'vmcore: npm ci failed; its messages above say why; run npm ci again when mended [E_NEEDS]' >&2
    exit 6
  fi
  cp package-lock.json "$stamp"
fi

# Node 26 comes as an optional package, because it exists only for some machines: npm ci succeeds without it.
PATH=$PWD/node_modules/.bin:$PATH
version=$(node --version) || version=none
major=${version#v}
major=${major%%.*}
case $major in
  *[!0-9]* | '') major=0 ;;
esac
if [ "$major" -lt 26 ]; then
  echo "vmcore: needs Node 26, found $version; remove node_modules and run npm ci, or put Node 26 on PATH [E_NEEDS]" >&2
  exit 6
fi
