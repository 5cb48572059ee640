/**
 * The scripted worker's hands: a shell script outside the repository. Whatever of it is killed, running it
 * again does what is left, and each of its effects can be counted afterwards.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, say } from '../../scripted-model/scenario.ts'
import type { Sandbox } from '../../support/sandbox.ts'
import { count, type Ledger } from './ledger.ts'

/** Lines that the workers write, beside the repository. */
export const workerFiles = (box: Sandbox) => ({
  script: join(box.directory, 'work.sh'),
  /** One file per task, locked by its worker's command as long as that lives; holds the attempt. */
  probes: join(box.directory, 'probes'),
  /** `task attempt holder`: the probe was locked by another attempt. */
  doubles: join(box.directory, 'doubles'),
  /** `task attempt`: this attempt's uncommitted draft was on disk. */
  drafts: join(box.directory, 'drafts'),
})

/** @param slow seconds that an attempt takes at least */
export function employ(box: Sandbox, ledger: Ledger, slow: number): void {
  const files = workerFiles(box)
  mkdirSync(files.probes)
  writeFileSync(
    files.script,
    `kind=$1; shift
task=$DIRIGENT_TASK
attempt=\${DIRIGENT_ATTEMPT##*#}
mkdir -p work/$task
note() {
  for message; do
    grep -qsx $message work/$task/messages || echo $message >> work/$task/messages
  done
}
if test $kind = mail; then
  note "$@"
  git add work/$task
  git commit -q -m "messages of $task, attempt $attempt"
  exit
fi
exec 9>> ${files.probes}/$task
flock -n -E 75 9
if test $? = 75; then echo $task $attempt $(cat ${files.probes}/$task) >> ${files.doubles}; fi
echo $attempt > ${files.probes}/$task
sleep ${slow}
test $kind = report && exit 0
echo $attempt > work/$task/draft-$attempt
echo $task $attempt >> ${files.drafts}
sleep ${slow}
note "$@"
echo $task > work/$task/change
git add work/$task
git commit -q -m "work of $task, attempt $attempt"
sleep ${slow}
echo $attempt >> work/$task/tries
`,
  )
  const heard = new Set<string>()
  box.model.set('storm', ({ args: [kind = ''], prompt, told }) => {
    const which = /^Task: (.*)\nAttempt: (.*)$/m.exec(prompt)?.[0] ?? prompt
    const messages = namesIn(prompt)
    // What came in the middle of the turn is done after what was under way. A report has no place for it.
    const later = namesIn(told.join('\n')).filter((message) => !messages.includes(message))
    for (const message of [...messages, ...later]) {
      if (!heard.has(`${which} ${message}`)) count(ledger.prompted, message)
      heard.add(`${which} ${message}`)
    }
    const mail = kind === 'report' ? [] : later.map((message) => run(`sh ${files.script} mail ${message}`))
    return [run(`sh ${files.script} ${kind} ${messages.join(' ')}`), ...mail, say('report of the storm')]
  })
}

const namesIn = (text: string): string[] => [...new Set(text.match(/\bm-\d+-\d+\b/g) ?? [])]
