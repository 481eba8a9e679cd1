#!/usr/bin/env bash
# What a pull request shows of a plan, and what was shown of it when it was merged. Needs curl and jq.
#
#   pull-request.sh comment BODY_FILE   puts BODY_FILE into the one comment that COMMENT_NAME is about, and keeps it there
#   pull-request.sh reviewed            says which plan the pull request that became GITHUB_SHA showed at its end
#
# Both read GITHUB_TOKEN, GITHUB_API_URL and GITHUB_REPOSITORY. A comment counts only where COMMENT_AUTHOR wrote it:
# anybody can write a marker. What the token may not do is a warning: a plan does not fail for want of a comment.
set -euo pipefail

: "${GITHUB_API_URL:=https://api.github.com}" "${GITHUB_SERVER_URL:=https://github.com}" "${GITHUB_OUTPUT:=/dev/null}"
: "${COMMENT_AUTHOR:=github-actions[bot]}" "${COMMENT_NAME:=plan}"
MOST_PAGES=50

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

warn() {
  echo "::warning title=batchrunner::$1"
}

refuse() {
  echo "::error title=batchrunner::$1"
  exit 1
}

# call METHOD PATH [FILE]: sends the JSON in FILE. The reply is in $work/reply, its status in $status, 000 for none.
call() {
  local sent=()
  [[ $# -lt 3 ]] || sent=(--header 'Content-Type: application/json' --data-binary "@$3")
  # A look may be repeated; a comment that was written may not be written again.
  [[ $1 != GET ]] || sent+=(--retry 3)
  status=$(
    curl --silent --max-time 30 --request "$1" --output "$work/reply" --write-out '%{http_code}' \
      --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
      --config <(printf 'header = "Authorization: Bearer %s"\n' "$GITHUB_TOKEN") \
      "${sent[@]}" "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/$2"
  ) || status=000
}

# comments NUMBER: all comments of a pull request that COMMENT_AUTHOR wrote, one JSON object a line, oldest first.
comments() {
  local page
  for ((page = 1; page <= MOST_PAGES; page++)); do
    call GET "issues/$1/comments?per_page=100&page=$page"
    [[ $status == 200 ]] || return 1
    jq -c --arg author "$COMMENT_AUTHOR" '.[] | select(.user.login == $author) | {id, body}' "$work/reply"
    [[ $(jq length "$work/reply") -ge 100 ]] || return 0
  done
}

# The open pull request whose newest commit is HEAD_SHA. The event of a fork does not name its pull request.
find_pull_request() {
  local branch
  branch=$(jq -rn --arg owner "${HEAD_OWNER:?}" --arg branch "${HEAD_BRANCH:?}" '"\($owner):\($branch)" | @uri')
  call GET "pulls?state=open&per_page=100&head=$branch"
  [[ $status == 200 ]] || return 0
  jq -r --arg head "${HEAD_SHA:?}" 'first(.[] | select(.head.sha == $head) | .number) // empty' "$work/reply"
}

# The body: our marker, what is shown, and for `reviewed` which plan that is. Data in a plan cannot hold `<!--`.
write_body() {
  echo "<!-- batchrunner:comment:$COMMENT_NAME -->"
  if [[ -s $1 ]]; then
    cat "$1"
  else
    printf '### batchrunner plan: there is none\n\nIt could not be made. [The run](%s) says why.\n' \
      "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/${RUN_ID:-}"
  fi
  if [[ -n ${PLAN_ID:-} ]]; then
    printf '\n<!-- batchrunner:reviewed plan_id=%s run=%s head=%s -->\n' "$PLAN_ID" "$RUN_ID" "$HEAD_SHA"
  fi
}

check_words() {
  [[ $COMMENT_NAME =~ ^[A-Za-z0-9._-]+$ ]] || refuse 'COMMENT_NAME may hold letters, digits, dots, - and _'
  [[ ! $COMMENT_NAME =~ -- ]] || refuse 'COMMENT_NAME may not hold two dashes: it stands in an HTML comment'
  [[ ${GITHUB_TOKEN:-} =~ ^[A-Za-z0-9_.-]+$ ]] || refuse 'GITHUB_TOKEN is not a token'
  [[ -z ${PLAN_ID:-} || $PLAN_ID =~ ^sha256:[0-9a-f]{64}$ ]] || refuse 'PLAN_ID is not the digest of a plan'
  [[ ${RUN_ID:-} =~ ^[0-9]*$ ]] || refuse 'RUN_ID is not a number'
  [[ ${HEAD_SHA:-} =~ ^[0-9a-f]*$ ]] || refuse 'HEAD_SHA is not a commit'
  if [[ -n ${PLAN_ID:-} && (-z ${RUN_ID:-} || -z ${HEAD_SHA:-}) ]]; then
    refuse 'PLAN_ID needs RUN_ID and HEAD_SHA, to be found again'
  fi
}

comment() {
  local number=${PULL_REQUEST:-} known method path
  if [[ -z ${GITHUB_TOKEN:-} ]]; then
    warn 'the plan is not in a comment: there is no token'
    return
  fi
  check_words
  [[ -n $number ]] || number=$(find_pull_request)
  if [[ ! $number =~ ^[0-9]+$ ]]; then
    warn 'the plan is not in a comment: there is no open pull request with this commit'
    return
  fi
  if ! comments "$number" > "$work/comments"; then
    warn "the plan is not in a comment: those of pull request $number cannot be read (HTTP $status)"
    return
  fi
  known=$(jq -r --arg line "<!-- batchrunner:comment:$COMMENT_NAME -->" \
    'select(.body | split("\n")[0] | rtrimstr("\r") == $line) | .id' "$work/comments" | head -n 1)
  method=POST path=issues/$number/comments
  [[ -z $known ]] || method=PATCH path=issues/comments/$known
  write_body "$1" > "$work/body"
  jq -n --rawfile body "$work/body" '{body: $body}' > "$work/request"
  call "$method" "$path" "$work/request"
  [[ $status == 20[01] ]] ||
    warn "the plan is not in a comment: the token may not write one, or GitHub is busy (HTTP $status)"
}

# said NAME=VALUE…: outputs of the step.
said() {
  printf '%s\n' "$@" | tee -a "$GITHUB_OUTPUT"
}

none() {
  echo "::notice title=batchrunner::nothing was reviewed that could be applied: $1"
  said found=false
}

reviewed() {
  check_words
  local number='' head='' line pattern
  call GET "commits/${GITHUB_SHA:?}/pulls?per_page=100"
  [[ $status == 200 ]] || refuse "the pull requests of $GITHUB_SHA cannot be read (HTTP $status)"
  read -r number head < <(
    jq -r --arg sha "$GITHUB_SHA" \
      'first(.[] | select(.merged_at and .merge_commit_sha == $sha) | "\(.number) \(.head.sha)") // empty' "$work/reply"
  ) || { none "no pull request became $GITHUB_SHA"; return; }
  comments "$number" > "$work/comments" || refuse "the comments of #$number cannot be read (HTTP $status)"
  line=$(jq -rs --arg line "<!-- batchrunner:comment:$COMMENT_NAME -->" \
    'first(.[] | select(.body | split("\n")[0] | rtrimstr("\r") == $line)) | .body | rtrimstr("\n") | split("\n")[-1]' \
    "$work/comments")
  pattern='^<!-- batchrunner:reviewed plan_id=(sha256:[0-9a-f]{64}) run=([0-9]+) head=([0-9a-f]+) -->$'
  [[ ${line%$'\r'} =~ $pattern ]] || { none "what #$number showed was no plan that can be applied"; return; }
  if [[ ${BASH_REMATCH[3]} != "$head" ]]; then
    refuse "#$number was merged at $head, and the plan that it shows is of ${BASH_REMATCH[3]}"
  fi
  said found=true "plan_id=${BASH_REMATCH[1]}" "run_id=${BASH_REMATCH[2]}" "pull_request=$number"
}

case ${1:-} in
  comment) comment "${2:?which file is the comment?}" ;;
  reviewed) reviewed ;;
  *) refuse 'usage: pull-request.sh comment BODY_FILE | pull-request.sh reviewed' ;;
esac
