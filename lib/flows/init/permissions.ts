/** Which of our verbs an orchestrator runs without being asked: those that it needs. (Checks of a spec run what it says, by a runner.) */

import { mayRun, mayRunJust, mayUse, skillName } from '../../tools/claude/project.ts'
import { verbs } from '../../view/verbs.ts'

/** Of a person (`init`), of workers, and `build`, which runs whatever it is given. */
const others = ['init', 'build', 'ask', 'tell', 'inbox', 'checkpoint']

export const orchestratorRules = (): string[] => [
  mayUse(skillName),
  // As it is called when it comes as a plugin.
  mayUse(`${skillName}:${skillName}`),
  ...verbRules(),
  mayRun('dirigent help'),
  mayRunJust('dirigent --help'),
  mayRunJust('dirigent --version'),
]

export const verbRules = (): string[] =>
  Object.values(verbs)
    .filter(({ name }) => !others.includes(name))
    .map(({ name }) => mayRun(`dirigent ${name}`))
