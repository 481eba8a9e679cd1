#!/usr/bin/env bash
# Applies the plan in PLAN_FILE, if it is the one that was reviewed: PLAN_ID is its digest. Without PLAN_FILE, SPECS.
set -euo pipefail

: "${SPECS:=specs/}" "${ARGUMENTS:=}" "${PLAN_FILE:=}" "${PLAN_ID:=}"
mapfile -t arguments < <(sed '/^$/d' <<< "$ARGUMENTS")
if [[ -z $PLAN_FILE ]]; then
  mapfile -t specs < <(tr -s ' \n' '\n' <<< "$SPECS" | sed '/^$/d')
  exec batchrunner apply "${specs[@]}" "${arguments[@]}"
fi
if [[ ! $PLAN_ID =~ ^sha256:[0-9a-f]{64}$ ]]; then
  echo '::error title=batchrunner::plan-id is missing: the digest of the plan that was reviewed, sha256:…'
  exit 1
fi
# `show` refuses a plan whose content does not have the digest that it names.
found=$(batchrunner show "$PLAN_FILE" --json | jq -r .plan_id)
if [[ $found != "$PLAN_ID" ]]; then
  echo "::error title=batchrunner::this is not the plan that was reviewed: it is $found, and $PLAN_ID was approved"
  exit 4
fi
exec batchrunner apply "$PLAN_FILE" "${arguments[@]}"
