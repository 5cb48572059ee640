/**
 * A disk with so many blocks left, or so many inodes, or a limit on the size of files: a verb that does not fit says
 * that the disk is full and leaves every record whole; once there is room again the next command goes on by
 * itself.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { reasonOf } from '../../lib/kit/errors.ts'
import { startScriptedModel } from '../scripted-model/server.ts'
import { type Ran, root, runVerb } from '../support/sandbox.ts'
import { kill, runnersOf, workersOf } from '../support/tasks.ts'
import { complaints } from './clean.ts'
import { type Disk, smallDisk, whyNot } from './disk.ts'
import { unreadable, wrongAnswer } from './fault-judge.ts'
import { Stage } from './fault-stage.ts'
import { type FaultVerb, faultVerbs } from './fault-verbs.ts'
import { pick, randomness, type Scenario } from './scenario.ts'

const roomy = 'size=256m,nr_inodes=200000'

/** How many blocks at most are left: about what the verb needs, its runner included where it starts one. */
const needed: Readonly<Record<string, number>> = {
  spawn: 12,
  respawn: 12,
  'stop --cancel': 12,
  land: 40,
  'status, of a lost task': 400,
}

export const scenario: Scenario = {
  name: 'full-disk',
  unit: 'full disks',
  short: 6,
  long: 50,
  impossible: () => whyNot(() => smallDisk(roomy)),
  async play({ rounds, seed, say }) {
    const random = randomness(seed)
    // Each verb needs a state made for it: a short play takes two.
    const [first = '', ...others] = Object.keys(needed)
    const names = rounds < 20 ? [first, pick(random, others)] : [first, ...others]
    const model = await startScriptedModel()
    const bad: string[] = []
    let refused = 0
    try {
      for (const [n, name] of names.entries()) {
        const verb = faultVerbs.find((one) => one.name === name)
        if (!verb) throw new Error(`no verb ${name}`)
        const times = Math.floor(rounds / names.length) + (n < rounds % names.length ? 1 : 0)
        await onSmallDisk(verb, model, async (stage, disk, where) => {
          for (let round = 0; round < times; round++) {
            const kind = pick(random, ['blocks', 'blocks', 'inodes', 'limit'] as const)
            const left = Math.floor(random() * (kind === 'limit' ? 900 : (needed[name] ?? 0)))
            const seen = await oneFull(stage, verb, disk, kind, left, where)
            if (seen.refused) refused += 1
            if (seen.wrong.length === 0) continue
            bad.push(name)
            say(`${name}, ${left} ${kind}: ${seen.wrong.join('; ')}`)
          }
        })
      }
    } finally {
      await model.close()
    }
    return [
      {
        what: 'full disks',
        figure: `${rounds}: ${refused} refused, ${bad.length} bad`,
        goal: 'nothing torn, the disk is named, it goes on by itself',
        // In a few rounds everything may have had room.
        met: bad.length === 0 && (refused > 0 || rounds < 20),
      },
    ]
  },
}

async function onSmallDisk(
  verb: FaultVerb,
  model: Parameters<FaultVerb['prepare']>[0],
  work: (stage: Stage, disk: Disk, saved: string) => Promise<void>,
): Promise<void> {
  const saved = mkdtempSync(join(tmpdir(), 'dirigent-saved-'))
  const disk = smallDisk(roomy)
  const { TMPDIR } = process.env
  // Sandboxes are made where temporary files are.
  process.env.TMPDIR = disk.mount
  try {
    const box = await verb.prepare(model)
    try {
      await work(await Stage.of(box, join(saved, 'repo')), disk, saved)
    } finally {
      await box.close()
    }
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
    disk.close()
    rmSync(saved, { recursive: true, force: true })
  }
}

type Kind = 'blocks' | 'inodes' | 'limit'

async function oneFull(
  stage: Stage,
  verb: FaultVerb,
  disk: Disk,
  kind: Kind,
  left: number,
  elsewhere: string,
): Promise<{ refused: boolean; wrong: readonly string[] }> {
  const { box } = stage
  stage.restore()
  if (kind !== 'limit') leave(disk, kind, left)
  const wrong: string[] = []
  let ran: Ran | undefined
  try {
    const [name, ...args] = verb.argv(box)
    // What tsx and Node keep for themselves is not the disk that is full.
    const env = { ...box.env, TMPDIR: elsewhere }
    ran =
      kind === 'limit'
        ? await limited(left, name, [...args, '--json'], box.repo, env)
        : await runVerb(name, [...args, '--json'], box.repo, env)
    await stage.quiet()
    wrong.push(...unreadable(box.state))
    if (ran.exitCode === 0) wrong.push(...[await verb.effect(box)].filter((text) => text !== null))
    else wrong.push(...wrongAnswer({ ...ran, calls: [] }), ...namesNoDisk(ran))
    const looked = await runVerb('status', ['--json'], box.repo, env)
    if (looked.exitCode !== 0) wrong.push(`status: ${looked.stdout}${looked.stderr}`)
    await stage.quiet()
    make(disk, roomy)
    await verb.goOn(box)
    await stage.quiet()
    wrong.push(...unreadable(box.state), ...(await complaints(box)))
  } catch (error) {
    wrong.push(reasonOf(error), ran?.stdout.slice(0, 300) ?? '')
    kill(...runnersOf(box, 'job'), ...workersOf(box, 'job'))
  } finally {
    make(disk, roomy)
  }
  return { refused: ran?.exitCode !== 0, wrong }
}

function namesNoDisk({ stdout, stderr }: Ran): string[] {
  return /disk|space left|df /i.test(stdout + stderr) ? [] : [`does not name the disk: ${stdout}${stderr}`]
}

/** Files may not grow beyond so many bytes: EFBIG, as `ulimit -f` does it. */
async function limited(
  bytes: number,
  name: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<Ran> {
  const program = [`--fsize=${bytes}`, process.execPath, join(root, 'bin', name), ...args]
  const done = await execa('prlimit', program, { cwd, env, extendEnv: false, reject: false, stdin: 'ignore' })
  const { stdout, stderr } = done
  return { exitCode: done.exitCode ?? -1, stdout, stderr, json: null }
}

/** Makes the disk so small that only so much is free. */
function leave(disk: Disk, kind: 'blocks' | 'inodes', left: number): void {
  const { blocks, bfree, bsize, files, ffree } = statfsSync(disk.mount)
  if (kind === 'blocks') make(disk, `size=${(blocks - bfree + left) * bsize}`)
  else make(disk, `nr_inodes=${files - ffree + left}`)
}

const make = (disk: Disk, options: string): void => {
  execFileSync('mount', ['-o', `remount,${options}`, disk.mount])
}
