/** `dirigent help`: for people, for programs and for shells, from one table. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { divide, parse, type VerbSpec } from '../../lib/kit/arguments.ts'
import { codes } from '../../lib/kit/errors.ts'
import { helpVerb } from '../../lib/view/inner-verbs.ts'
import { verbs } from '../../lib/view/verbs.ts'
import { sandboxForEach } from '../support/each.ts'
import { runVerb, type Sandbox } from '../support/sandbox.ts'
import { spawnTask } from '../support/tasks.ts'

let box: Sandbox
sandboxForEach({ max_workers: 1 }, (made) => {
  box = made
})

it('tells a program every verb, its options, and what each exit code and error means', async () => {
  const { json } = await runVerb('help', ['--json'], box.repo, box.env)
  // biome-ignore lint/suspicious/noExplicitAny: the answer is what is tried
  const told: any[] = json.data.verbs
  expect(told.map(({ name }) => name)).toEqual([...Object.keys(verbs), 'help'])
  for (const verb of told) {
    const declared = verb.name === 'help' ? helpVerb.options : verbs[verb.name as keyof typeof verbs].options
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const names = verb.options.map((option: any) => option.name)
    expect(names).toEqual([...Object.keys(declared), 'repo', 'json', 'help'])
  }
  const find = (verb: string, option: string) =>
    told.find(({ name }) => name === verb).options.find(({ name }: { name: string }) => name === option)
  expect(find('wait', 'until')).toMatchObject({ choices: ['attention', 'settled'], default: 'attention' })
  expect(find('spawn', 'spec')).toMatchObject({ required: true, choices: [], default: null })
  expect(find('ask', 'option').repeated).toBe(true)
  expect([find('lesson', 'path').action, find('send', 'from').action]).toEqual(['add', null])
  expect(told.find(({ name }) => name === 'lesson')?.actions).toMatchObject({ list: [0, 0], retire: [2, 2] })
  expect(told.filter(({ pass_through }) => pass_through).map(({ name }) => name)).toEqual(['build'])
  expect(json.data.exits.pending).toBe(7)
  expect(json.data.errors).toEqual(codes)
})

const all: readonly VerbSpec[] = [...Object.values(verbs), helpVerb]

// Seen to fail: without the defaults, and with `required` not looked at.
it('takes what the table says: every example, every default, and nothing less than it requires', () => {
  for (const spec of all) {
    const [, name, ...words] = (spec.example.match(/'[^']*'|\S+/g) ?? []).map((word) =>
      word.replaceAll("'", ''),
    )
    expect(name).toBe(spec.name)
    const line = parse(spec, divide(spec, words))
    if (line === 'help') throw new Error(`${spec.example} asks for help`)
    for (const [option, { type, default: unless }] of Object.entries(spec.options))
      if (!words.includes(`--${option}`)) expect([option, line.flags[option]]).toEqual([option, unless])
      else if (type === 'boolean') expect(line.flags[option]).toBe(true)
  }
  expect(() => parse(verbs.spawn, divide(verbs.spawn, ['x']))).toThrow('needs --spec')
})

/** What bash offers behind these words; the last one is being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const { stdout } = await runVerb('help', ['--completions', 'bash'], box.repo, box.env)
  const script = join(box.directory, 'completions')
  writeFileSync(script, stdout)
  const typed = ['dirigent', ...words].map((word) => `'${word}'`).join(' ')
  // As strict as a shell can be.
  const ask = `set -euo pipefail; . "$0"; COMPREPLY=(); COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _dirigent; printf '%s\\n' "\${COMPREPLY[@]-}"`
  const ran = await execa('bash', ['-c', ask, script], { cwd: box.repo, env: box.env, extendEnv: false })
  return ran.stdout.split('\n').filter((line) => line !== '')
}

it('completes verbs, options, closed values and the ids of live tasks', async () => {
  // Seen to fail: the shell ended where there is no task.
  expect(await offered('status', '')).toEqual([])
  await spawnTask(box, 'add-login', { needs: [] }, [{ hang: true }])
  expect(await offered('sp')).toEqual(['spawn'])
  expect(await offered('spawn', '--s')).toContain('--spec')
  expect(await offered('wait', '--until', '')).toEqual(['attention', 'settled'])
  expect(await offered('status', 'add')).toEqual(['add-login'])
  expect(await offered('help', 'doc')).toEqual(['doctor'])
  expect(await offered('wait', '--until', '=', 'at')).toEqual(['attention'])
  expect(await offered('--v')).toEqual(['--version'])
  expect(await offered('nothing', '')).toEqual([])
  expect(await offered('status', 'zzz')).toEqual([])
})

// Seen to fail: without the look at the names.
it('runs nothing that a worker has put into the name of a directory', async () => {
  for (const name of ['$(touch ran)', '`touch ran`', 'x\n$(touch ran)'])
    mkdirSync(join(box.state, 'tasks', name))
  expect(await offered('status', '')).toEqual(['x'])
  expect(existsSync(join(box.repo, 'ran'))).toBe(false)
})

it('has nothing for a shell that it does not know, and says for which it has', async () => {
  const ran = await runVerb('help', ['--completions', 'tcsh'], box.repo, box.env)
  expect(ran.exitCode).toBe(2)
  expect(ran.stderr).toContain('bash and zsh')
})
