#!/usr/bin/env bash
# Commits the state of what was submitted, and pushes it. The journal too: after a kill it alone knows what may have
# been paid for.
#
#   keep-state.sh [FOLDER]   the folder of the specs, `specs` where it is not said; BRANCH where none is checked out
set -euo pipefail

folder=${1:-specs}
branch=${BRANCH:-$(git branch --show-current)}
git config user.name batchrunner
git config user.email batchrunner@users.noreply.github.com
git ls-files -z -o -m --exclude-standard -- "$folder" |
  { grep -z -e '\.state\.json$' -e '\.state\.journal\.jsonl$' || true; } | xargs -0r git --literal-pathspecs add -A --
if git diff --cached --quiet; then
  echo 'The state is as it was.'
  exit 0
fi
git commit --quiet -m 'Batch state'
# Somebody may have merged meanwhile: other files, as runs of one repository go one after the other.
for _ in 1 2 3; do
  if git push origin "HEAD:refs/heads/$branch"; then exit 0; fi
  git pull --rebase origin "$branch"
done
echo '::error title=batchrunner::the state could not be pushed. Keep it: download it from this run, and commit it'
exit 1
