/** The files that `init` puts into a repository. */

export const readmeTemplate = `# .orchestrator-state

The memory of Dirigent in this repository: which tasks there are, what was asked, what happened, what was
proved. Everything is in files; kill every process and the next command goes on from here.

- \`config.yaml\` settings (committed)
- \`lessons/\`, \`templates/\` rules learned and spec templates (committed)
- \`tasks/<id>/\` one directory per live task: \`spec.md\` what was asked, \`status.json\` where it stands,
  \`report.md\` the worker's last words, \`result.json\` what was proved, \`log/\` what happened
- \`worktrees/<id>/\` where a task's worker works
- \`archive/<month>/<id>/\` ended tasks
- \`locks/\`, \`git/\` Dirigent's own; \`events.jsonl\` the feed of all tasks

Look: \`dirigent status\`. Do not edit \`status.json\` by hand. Tell a worker something: \`dirigent send ID TEXT\`.
`

export const configTemplate = `# yaml-language-server: $schema=./config.schema.json
# Settings of Dirigent for this repository. Every line has a default; these are examples.
version: 1

# base: main                 # where changes land; default: the branch checked out (origin/main works too)
# max_workers: 4             # workers at once; default: two a core, 2 GiB of memory each
# verify: [npm test]         # checks for specs that name none
# attempts: 3
# budget: { minutes: 60 }    # of one task; tokens: N too
# day_budget: { tokens: 20000000 } # of all tasks together, from midnight to midnight; minutes: N too; default: none
# worker: codex              # who works: codex, claude, or a command of yours (below)
# model: gpt-5.5             # of those workers; default: their own
# effort: medium

# codex:
#   path: /usr/local/bin/codex
#   user_config: false       # true: your own config.toml, plugins and rules reach the workers
#   config: {}               # keys for \`codex -c\`, for example { model_provider: mine }

# claude:
#   path: /usr/local/bin/claude
#   user_config: false       # true: your own and the project's settings, skills and hooks reach the workers
# command:
#   run: my-agent --stdin    # reads the prompt on stdin, works and commits in the directory it is started in
#   env: [ANTHROPIC_API_KEY] # what it needs of the variables that are withheld from workers

# worktree:
#   setup: npm ci            # run once in every new worktree, under the build lock

# ports: { from: 20000, count: 10 }
# build:
#   slots: 1                 # heavy commands at once
#   scope: machine           # whom they take turns with; or: repository
#   shim:                    # what workers are made to run in their turn, beside what they ask for by \`dirigent build\`;
#     npm: [test, run build*] # default: what builds and tests in npm, cargo, make, go, pytest and some fifty more; {}: nothing

# check_minutes: 30          # time limit of one check
# protected: [release/*]     # branches no worker may move, beside the base
# withhold: [AWS_*]          # environment variables kept from workers, beside tokens of code hosts

# supervise:
#   auto: true               # started by the verbs that start tasks; it leaves when nothing is under way
# stall: { minutes: 10, grace_minutes: 5 } # no sign of life: told so, then begun anew; minutes: 0: never
# drift: { every: 20 }       # minutes between looks whether a worker keeps to its spec; 0: never
# wake: claude --continue --print "$(cat)" # when something needs the orchestrator, which is told on stdin, and no \`wait\` listens
# notify:                    # what nobody has taken care of after so many minutes, to a person
#   after_minutes: 10
#   command: mail -s Dirigent me@example.com # the news comes on stdin
#   webhook: https://example.com/hook # a POST of JSON; who has the address can post, and this file is committed
#   desktop: true            # by notify-send
`

export const ignoreTemplate = `# Only what people write is committed.
/*
!/.gitignore
!/README.md
!/config.yaml
!/config.schema.json
!/lessons/
!/templates/
`
