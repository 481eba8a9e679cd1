"""What `batchrunner init` writes."""

SPEC = """\
# yaml-language-server: $schema=./schema/spec.schema.json
# Check it: batchrunner validate specs/first.yaml
# Try it:   batchrunner apply specs/first.yaml --sandbox
description: A first batch; point `input` at your own request lines
run:
  once_per: content            # or hour, day, week, month: one submission in each
defaults:
  provider: alphaedge          # reads ALPHAEDGE_API_KEY
  endpoint: /v1/chat/completions
  completion_window: 24h
batches:
  - name: hello
    input: data/hello.jsonl
"""

LINES = """\
{"custom_id": "hello-1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 50}}
{"custom_id": "hello-2", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello in French."}], "max_tokens": 50}}
"""  # noqa: E501 - request lines cannot be wrapped

PROJECT = """\
# yaml-language-server: $schema=./specs/schema/project.schema.json
# Owned by the repository's maintainers: it decides where credentials may go. Specs cannot.
version: 1
# project: acme-support        # goes into idempotency keys; decide it before the first submission, then keep it
# providers:
#   alphaedge: {limits: {max_in_flight: 8}}
# policy: {max_cost_usd: 50, allowed_models: ["gpt-4o-mini"], allow_env: [DATASET]}
"""

# The journal of a real state is not here: after a kill it is what knows which batches were paid for.
IGNORED = """\
.batchrunner/
*.sandbox.state.*
*.state.lock
*.backup-*.json
.*.tmp
*.unsaved-*.jsonl
*.journal.damaged-*.jsonl
"""

WORKFLOW = """\
# Pull requests show the plan, without secrets or network; main applies it.
name: batches
on:
  pull_request: {paths: ["specs/**", "batchrunner.yaml"]}
  push: {branches: [main], paths: ["specs/**", "batchrunner.yaml"]}
permissions: {contents: read}
concurrency: {group: batches, cancel-in-progress: false}
jobs:
  plan:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {persist-credentials: false}
      - run: pipx install 'batchrunner[cost]'
      - run: batchrunner plan specs/ --format markdown >> "$GITHUB_STEP_SUMMARY"
  apply:
    if: github.event_name == 'push'
    needs: plan
    runs-on: ubuntu-latest
    environment: production
    permissions: {contents: write}   # the state is committed back
    steps:
      - uses: actions/checkout@v4
      - run: pipx install 'batchrunner[cost]'
      - run: batchrunner apply specs/
        env: {ALPHAEDGE_API_KEY: "${{ secrets.ALPHAEDGE_API_KEY }}"}
      - if: always()   # the journal too: after a kill it alone knows what may have been paid for
        run: |
          git config user.name batchrunner && git config user.email batchrunner@users.noreply.github.com
          git ls-files -z -o -m --exclude-standard 'specs/*.state.json' 'specs/*.state.journal.jsonl' |
            xargs -0r git add -A --
          git diff --cached --quiet || (git commit -m "Batch state" && git push)
"""

TEMPLATES = {
    "specs/first.yaml": SPEC,
    "specs/data/hello.jsonl": LINES,
    "batchrunner.yaml": PROJECT,
    ".gitignore": IGNORED,
    ".github/workflows/batches.yaml": WORKFLOW,
}
