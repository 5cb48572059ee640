/** The demo from the first command to the last. Throws where it does not go as it should. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { loadTask } from '../../lib/state/tasks.ts'
import type { ScriptedModel } from '../scripted-model/server.ts'
import { type Place, write, writeScriptedConfig } from './place.ts'
import { showWhile } from './progress.ts'
import { DemoFailure, heading, print, type Stage, show } from './stage.ts'
import { tasks } from './tasks.ts'

/** @param model null: the person's own Codex */
export async function tell(stage: Stage, model: ScriptedModel | null, timeout: string): Promise<void> {
  await begin(stage, model)
  await spawnAll(stage)
  heading('What happens')
  await showWhile(
    stage.place.state,
    tasks.map((task) => task.id),
    stage.quietly('wait', '--until', 'settled', '--timeout', timeout),
  )
  checkEnds(stage.place, model !== null)
  await end(stage)
}

async function begin(stage: Stage, model: ScriptedModel | null): Promise<void> {
  heading('A small repository: three functions to be written, and tests that fail')
  await stage.git('init', '--quiet')
  await stage.git('symbolic-ref', 'HEAD', 'refs/heads/main')
  await identify(stage)
  await stage.git('add', '--all')
  await stage.git('commit', '--quiet', '--message', 'Stubs, and tests for them')
  const { passed, failed } = await stage.tests()
  show('npm test', `${passed} passed, ${failed} failed`)
  if (failed === 0) throw new DemoFailure('The tests of the demo were to fail at first')

  heading('Set it up, and hand out four tasks')
  await stage.verb('init')
  if (model) writeScriptedConfig(stage.place, model)
  await stage.git('add', '--all')
  await stage.git('commit', '--quiet', '--message', 'Set Dirigent up')
}

/** Commits need an author, and must not wait for anybody's passphrase. */
async function identify(stage: Stage): Promise<void> {
  const known = await stage.git('config', '--default', '', '--get', 'user.email')
  if (known === '') {
    await stage.git('config', 'user.name', 'Demo')
    await stage.git('config', 'user.email', 'demo@dirigent.invalid')
  }
  await stage.git('config', 'commit.gpgSign', 'false')
}

async function spawnAll(stage: Stage): Promise<void> {
  const { repo, specs } = stage.place
  for (const { id, spec } of tasks) {
    const path = join(specs, `${id}.md`)
    write(path, spec)
    await stage.verb('spawn', id, '--spec', relative(repo, path))
  }
}

/** Exit codes said so all along; the demo does not take their word either. */
function checkEnds(place: Place, scripted: boolean): void {
  for (const { id, ends } of tasks) {
    const { status, paths } = loadTask(place.state, id)
    if (status.state !== ends)
      throw new DemoFailure(
        `${id} is ${status.state} and was to be ${ends}: ${status.reason}\nLook into ${paths.directory}`,
      )
    const wanted = scripted && id === 'roman-numerals' ? 2 : 1
    if (scripted && status.attempt !== wanted)
      throw new DemoFailure(
        `${id} took ${status.attempt} attempts and was to take ${wanted}\nLook into ${paths.log}`,
      )
  }
}

async function end(stage: Stage): Promise<void> {
  const { repo, state } = stage.place
  heading('What came of it')
  await stage.verb('status', '--all')
  const format = '%h %s%n%(trailers:only,unfold)'
  show(
    "git log --format='%h %s%n%(trailers:only,unfold)'",
    (await stage.git('log', `--format=${format}`)).trim(),
  )
  const { passed, failed } = await stage.tests()
  show('npm test', `${passed} passed, ${failed} failed`)
  if (failed > 0) throw new DemoFailure('The tests were to pass at the end')
  const report = loadTask(state, 'test-gaps').paths.report
  if (existsSync(report)) show(`cat ${relative(repo, report)}`, readFileSync(report, 'utf8').trim())

  heading('Look around')
  print(`  cd ${repo}`)
  const [first] = tasks
  if (first) print(`  ls ${relative(repo, dirname(loadTask(state, first.id).paths.directory))}/*`)
}
