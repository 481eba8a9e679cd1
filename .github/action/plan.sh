#!/usr/bin/env bash
# Plans SPECS, offline: saves the plan as PLAN_FILE, writes what a comment shows to COMMENT_FILE, and tells the log.
# Ends with 0 whatever batchrunner said: that is the output `exit_code`, for the step behind the comment.
set -euo pipefail

: "${SPECS:=specs/}" "${ARGUMENTS:=}" "${BASE:=}"
mapfile -t specs < <(tr -s ' \n' '\n' <<< "$SPECS" | sed '/^$/d')
mapfile -t arguments < <(sed '/^$/d' <<< "$ARGUMENTS")
[[ -z $BASE ]] || arguments+=(--base "$BASE")
if [[ -e $PLAN_FILE ]]; then
  echo '::error title=batchrunner::there is a file already where the plan should be saved'
  exit 1
fi

code=0
batchrunner plan "${specs[@]}" "${arguments[@]}" --out "$PLAN_FILE" --format markdown > "$COMMENT_FILE" || code=$?
# What follows is for the log; summary and outputs are of the plan alone.
quietly=(env -u GITHUB_OUTPUT -u GITHUB_STEP_SUMMARY batchrunner)
if [[ -e $PLAN_FILE ]]; then
  "${quietly[@]}" show "$PLAN_FILE"
  "${quietly[@]}" show "$PLAN_FILE" --format github
  plan_id=$("${quietly[@]}" show "$PLAN_FILE" --json | jq -r .plan_id)
else
  "${quietly[@]}" plan "${specs[@]}" "${arguments[@]}" --format github || true
fi
printf '%s\n' "exit_code=$code" "saved_plan_id=${plan_id:-}" >> "$GITHUB_OUTPUT"
