/**
 * `npm run demo`: four tasks on a small repository, with real git, the real codex and the real verbs; the
 * model is a script, so it needs no network and no login. `npm run demo -- --live`: the person's own Codex.
 * Not by the program tsx: on a busy machine it kills what it started when somebody interrupts it, after 60 ms.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Failure, reasonOf } from '../../lib/kit/errors.ts'
import { packageRoot } from '../../lib/kit/package.ts'
import { findMarked, sweep } from '../../lib/kit/sweep.ts'
import { config } from '../../lib/state/schema/config.ts'
import { findCodex } from '../../lib/tools/codex/find.ts'
import { loginProblem } from '../../lib/tools/codex/login.ts'
import { startScriptedModel } from '../scripted-model/server.ts'
import { makePlace, markerName, type Place } from './place.ts'
import { play } from './script.ts'
import { DemoFailure, print, Stage } from './stage.ts'
import { tell } from './story.ts'

const usage = `usage: npm run demo            with a scripted model: no network, no login, under a minute
       npm run demo -- --live  with your own Codex login: some minutes, and your tokens`

/** The script is quick; a model takes its time. Milliseconds. */
const limits = { scripted: 55_000, live: 30 * 60_000 }

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  const wished = wish(argv)
  if (typeof wished === 'number') return wished
  const { live } = wished
  if (live && !isReady()) return 1
  const began = Date.now()
  const limit = live ? limits.live : limits.scripted
  const interrupt = new AbortController()
  let interrupted = false
  const stop = () => {
    interrupted = true
    interrupt.abort(new DemoFailure('it was interrupted.'))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  const late = setTimeout(
    () => interrupt.abort(new DemoFailure(`it was not done after ${limit / 1000} s.`)),
    limit,
  )
  const model = live ? null : await startScriptedModel({ scenarios: { default: play } })
  const place = makePlace(model)
  try {
    introduce(live)
    await tell(new Stage(place, interrupt.signal), model, `${limit / 1000}s`)
    await checkNothingRuns(place)
    print(
      `\nDone in ${((Date.now() - began) / 1000).toFixed(0)} s; no process is left. Remove it all: rm -rf ${place.directory}`,
    )
    return 0
  } catch (error) {
    await sweep({ name: markerName, value: place.directory, cgroup: null }, 2000)
    // What it was just running was interrupted, too, and may have been heard of first.
    explain(interrupted ? interrupt.signal.reason : error, place)
    return interrupted ? 130 : 1
  } finally {
    clearTimeout(late)
    await model?.close()
  }
}

/** What was typed, or the exit code where that settles it. */
function wish(argv: readonly string[]): { readonly live: boolean } | number {
  const options = { live: { type: 'boolean' }, help: { type: 'boolean' } } as const
  try {
    const { values } = parseArgs({ args: [...argv], options })
    if (!values.help) return { live: values.live === true }
    print(usage)
    return 0
  } catch (error) {
    console.error(`error: ${reasonOf(error)}\n${usage}`)
    return 2
  }
}

/** With one's own Codex: is there one, and is it logged in? Asked before anything is made. */
function isReady(): boolean {
  try {
    findCodex(null, process.env, packageRoot())
    const problem = loginProblem(config.parse({ version: 1 }).codex, process.env)
    if (problem === null) return true
    console.error(`error: ${problem}\nOr see the demo without a login: npm run demo`)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    console.error(`error: ${error.message}\n${error.hint}`)
  }
  return false
}

function introduce(live: boolean): void {
  print('Dirigent: a spec goes in, a checked and merged change comes out.')
  print(
    live
      ? 'Real git, the real codex, your own login: this takes minutes, and uses your tokens.'
      : 'Real git, the real codex, a scripted model: no network, no login.',
  )
}

/** Runners end just after their task does. */
async function checkNothingRuns(place: Place): Promise<void> {
  const giveUp = Date.now() + 5000
  while (findMarked(markerName, place.directory).length > 0) {
    if (Date.now() > giveUp) throw new DemoFailure('processes were left behind.')
    await delay(50)
  }
}

function explain(error: unknown, place: Place): void {
  const known = error instanceof DemoFailure || error instanceof Failure
  const what = known ? error.message : error instanceof Error ? error.stack : String(error)
  const status = join(packageRoot(), 'bin', 'status')
  console.error(`
The demo did not succeed: ${what}
What still ran has been ended.

What to look at:
  ${status} --all --repo ${place.repo}
  ${place.state.tasks}/   the tasks; log/ in each says what happened
  ${place.state.runnerLog}   what runners said
  rm -rf ${place.directory}   when you are done`)
}
