#!/usr/bin/env bash
# Applies a saved plan, if it is the one that was reviewed.
#
#   apply-plan.sh PLAN_FILE PLAN_ID [OPTION…]   PLAN_ID is the digest that the reviewer saw; options go to `apply`
set -euo pipefail

plan=${1:?which plan?}
reviewed=${2:-}
if [[ ! $reviewed =~ ^sha256:[0-9a-f]{64}$ ]]; then
  echo '::error title=batchrunner::the digest of the plan that was reviewed is missing, sha256:…'
  exit 1
fi
# `show` refuses a plan whose content does not have the digest that it names.
shown=$(batchrunner show "$plan" --json)
found=$(jq -r .plan_id <<< "$shown")
if [[ $found != "$reviewed" ]]; then
  echo "::error title=batchrunner::this is not the plan that was reviewed: it is $found, and $reviewed was approved"
  exit 4
fi
# The project file in force is the one around its first spec: elsewhere it could be one that came with the plan.
if jq -e 'any(.specs[].path; startswith("/") or (split("/") | index("..")))' <<< "$shown" > /dev/null; then
  echo '::error title=batchrunner::the plan is of specs outside of this folder'
  exit 1
fi
exec batchrunner apply "$plan" "${@:3}"
