#!/usr/bin/env bash
# Puts batchrunner on PATH: the revision of this action, or the release VERSION, or (`installed`) what is there.
set -euo pipefail

case ${VERSION:-} in
  installed)
    exec batchrunner --version
    ;;
  '')
    what=("${ACTION}[cost]" -c "$ACTION/requirements.lock")
    ;;
  [0-9]*)
    [[ $VERSION =~ ^[0-9A-Za-z.+!-]+$ ]] || { echo '::error title=batchrunner::version is not a version' && exit 1; }
    what=("batchrunner[cost]==$VERSION")
    ;;
  *)
    echo '::error title=batchrunner::version is empty, a version such as 1.2.0, or installed'
    exit 1
    ;;
esac
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo '::error title=batchrunner::this runner has no Python 3.11 or newer; add actions/setup-python before'
  exit 1
}
python3 -m venv "$RUNNER_TEMP/batchrunner"
"$RUNNER_TEMP/batchrunner/bin/pip" install --quiet --disable-pip-version-check "${what[@]}"
echo "$RUNNER_TEMP/batchrunner/bin" >> "$GITHUB_PATH"
