/** `dirigent help`: for people, for programs and for shells, from one table. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { codes } from '../../lib/kit/errors.ts'
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
  expect(told.map(({ name }) => name)).toEqual(Object.keys(verbs))
  for (const verb of told) {
    const declared = Object.keys(verbs[verb.name as keyof typeof verbs].options)
    // biome-ignore lint/suspicious/noExplicitAny: as above
    expect(verb.options.map((option: any) => option.name)).toEqual([...declared, 'repo', 'json', 'help'])
  }
  const ask = told.find(({ name }) => name === 'ask')
  expect(ask.detail).toMatch(/the same question/)
  // biome-ignore lint/suspicious/noExplicitAny: as above
  expect(ask.options.filter((option: any) => option.repeated).map((option: any) => option.name)).toEqual([
    'option',
  ])
  expect(json.data.exits.pending).toBe(7)
  expect(json.data.errors).toEqual(codes)
})

/** What bash offers behind these words; the last one is being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const { stdout } = await runVerb('help', ['--completions', 'bash'], box.repo, box.env)
  const script = join(box.directory, 'completions')
  writeFileSync(script, stdout)
  const typed = ['dirigent', ...words].map((word) => `'${word}'`).join(' ')
  const ask = `. "$0"; COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _dirigent; printf '%s\\n' "\${COMPREPLY[@]}"`
  const ran = await execa('bash', ['-c', ask, script], { cwd: box.repo, env: box.env, extendEnv: false })
  return ran.stdout.split('\n').filter((line) => line !== '')
}

it('completes verbs, options, closed values and the ids of live tasks', async () => {
  await spawnTask(box, 'add-login', { needs: [] }, [{ hang: true }])
  expect(await offered('sp')).toEqual(['spawn'])
  expect(await offered('spawn', '--s')).toContain('--spec')
  expect(await offered('wait', '--until', '')).toEqual(['attention', 'settled'])
  expect(await offered('status', 'add')).toEqual(['add-login'])
  expect(await offered('help', 'doc')).toEqual(['doctor'])
  expect(await offered('nothing', '')).toEqual([])
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
