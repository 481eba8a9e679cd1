#!/usr/bin/env bash
# Applies the plan in PLAN_FILE, if it is the one that was reviewed: PLAN_ID is its digest. Without PLAN_FILE, SPECS.
set -euo pipefail

: "${SPECS:=specs/}" "${ARGUMENTS:=}" "${PLAN_FILE:=}" "${PLAN_ID:=}"
mapfile -t arguments < <(sed '/^$/d' <<< "$ARGUMENTS")
if [[ -n $PLAN_FILE ]]; then
  exec bash "$ACTION/batchrunner/starters/github/batchrunner/apply-plan.sh" \
    "$PLAN_FILE" "$PLAN_ID" "${arguments[@]}"
fi
mapfile -t specs < <(tr -s ' \n' '\n' <<< "$SPECS" | sed '/^$/d')
exec batchrunner apply "${specs[@]}" "${arguments[@]}"
