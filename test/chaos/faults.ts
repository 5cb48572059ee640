/**
 * Every system call by which a verb changes files is made to fail, one at a time: by SIGKILL, by EIO, by ENOSPC.
 * What is left is the old state or the new one, the verb says what is so, and the next command brings the task
 * to its end with nothing done by hand. Which calls there are is found by a run in which none fails.
 */

import { join } from 'node:path'
import { reasonOf } from '../../lib/kit/errors.ts'
import { startScriptedModel } from '../scripted-model/server.ts'
import type { Sandbox } from '../support/sandbox.ts'
import { kill, runnersOf, workersOf } from '../support/tasks.ts'
import { complaints } from './clean.ts'
import { saidDone, unreadable, wrongAnswer } from './fault-judge.ts'
import { Stage } from './fault-stage.ts'
import { type FaultVerb, faultVerbs } from './fault-verbs.ts'
import { type Row, randomness, type Scenario } from './scenario.ts'
import { type Call, cannotTrace, type Fault, harms } from './strace.ts'

export const scenario: Scenario = {
  name: 'faults',
  unit: 'faults',
  short: 6,
  long: 240,
  impossible: cannotTrace,
  async play({ rounds, seed, say }) {
    const random = randomness(seed)
    const only = process.env.FAULTS_VERB
    const named = faultVerbs.filter(({ name }) => !only || name === only)
    // Each verb needs a state made for it: a short play takes a few verbs, the seed says which.
    const verbs = some(named, Math.max(3, Math.floor(rounds / 6)), random)
    const model = await startScriptedModel()
    const rows: Row[] = []
    try {
      for (const verb of verbs)
        rows.push(await playVerb(verb, model, Math.ceil(rounds / verbs.length), random, say))
    } finally {
      await model.close()
    }
    return rows
  },
}

async function playVerb(
  verb: FaultVerb,
  model: Sandbox['model'],
  most: number,
  random: () => number,
  say: (line: string) => void,
): Promise<Row> {
  const box = await verb.prepare(model)
  try {
    const stage = await Stage.of(box, join(box.directory, 'saved'))
    const points = await stage.count(verb)
    const faults = points.flatMap(({ git, call: { name, n, path } }) =>
      harms.map((harm) => ({ git, name, n, harm, path })),
    )
    await stage.quiet()
    const chosen = some(faults, most, random)
    let missed = 0
    const bad: string[] = []
    for (const fault of chosen) {
      const seen = await oneFault(stage, verb, fault, fault.git)
      if (seen === 'missed') missed += 1
      else if (seen.length > 0) {
        const who = fault.git === null ? '' : ` of git ${fault.git}`
        const where = `${verb.name}: ${fault.harm} at ${fault.name} ${fault.n}${who} (${fault.path})`
        bad.push(where)
        say(`${where}: ${seen.join('; ')}`)
      }
    }
    const cut = chosen.length < faults.length ? ` of ${faults.length}` : ''
    return {
      what: `faults in ${verb.name}`,
      figure: `${chosen.length}${cut} faults, ${bad.length} bad${missed > 0 ? `, ${missed} hit nothing of ours` : ''}`,
      goal: 'old or new, the next command works',
      met: bad.length === 0,
    }
  } finally {
    await box.close()
  }
}

function some<T>(all: readonly T[], most: number, random: () => number): T[] {
  const left = [...all]
  while (left.length > most) left.splice(Math.floor(random() * left.length), 1)
  return left
}

/**
 * Left for doctor to mend: a temporary file, or a git's lock, that could not be removed though its maker lived on, and a
 * line of the trail that could not be written of a task that rests since.
 */
const isHarmless = (complaint: string, { name, harm }: Fault) =>
  /^(?:temporary-file|trail-behind): /.test(complaint) ||
  (harm !== 'KILL' && name.startsWith('unlink') && complaint.startsWith('git-lock-stale: '))

/** What is wrong after one fault; `missed` when the call that failed was not about our files this time. */
async function oneFault(
  stage: Stage,
  verb: FaultVerb,
  fault: Fault,
  git: number | null,
): Promise<'missed' | readonly string[]> {
  stage.restore()
  const { box } = stage
  const ran = await stage.run(verb, fault, git)
  const hit: Call | undefined = ran.calls.find((call) => call.injected)
  const missed = (git !== null || fault.harm !== 'KILL') && (hit === undefined || hit.path === '')
  const wrong = unreadable(box.state)
  try {
    if ((git !== null || fault.harm !== 'KILL') && !missed && verb.name !== 'run')
      wrong.push(...wrongAnswer(ran))
    if (saidDone(ran)) wrong.push(...[await verb.effect(box)].filter((text) => text !== null))
    await verb.goOn(box)
    await stage.quiet()
    // Verbs that settle tidy up what the fault has left.
    await box.json('status')
    if ((await complaints(box)).every((complaint) => isHarmless(complaint, fault)))
      await box.json('doctor', '--fix')
    wrong.push(...unreadable(box.state), ...(await complaints(box)))
  } catch (error) {
    wrong.push(reasonOf(error), ran.stdout.slice(0, 300), ran.stderr.slice(0, 300))
    kill(...runnersOf(box, 'job'), ...workersOf(box, 'job'))
  }
  return missed && wrong.length === 0 ? 'missed' : wrong
}
