import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { VerbSpec } from '../lib/kit/cli.ts'
import { front } from '../lib/state/schema/spec.ts'
import { ignoreTemplate, readmeTemplate } from '../lib/state/templates.ts'
import { verbs } from '../lib/view/verbs.ts'
import { run, say } from './scripted-model/scenario.ts'
import { startScriptedModel } from './scripted-model/server.ts'
import { makeSandbox, root, type Sandbox } from './support/sandbox.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    (match) => match[1] ?? '',
  )
const section = (title: string) => readme.split(/^## /m).find((text) => text.startsWith(title)) ?? ''
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** What stands between backticks or in a block of shell, one command each. */
const commands = [
  ...blocks(readme, 'sh').flatMap((block) => block.replace(/<<'END'\n[\s\S]*?^END$/gm, '').split(/\n|&&/)),
  ...[...readme.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].flatMap((match) =>
    (match[1] ?? '').split('&&'),
  ),
].map((text) => text.trim())

function row(verb: VerbSpec): string {
  const options = Object.entries(verb.options).map(
    ([name, { value }]) => ` \`--${name}${value ? ` ${value}` : ''}\``,
  )
  const typed = `\`${`${verb.name} ${verb.positionals}`.trim()}\`${options.join('')}`
  return `| ${typed.replaceAll('|', '\\|')} | ${verb.summary} |`
}

it('the table of verbs says what the verbs say of themselves, of each and of no other', () => {
  const rows = section('The verbs')
    .split('\n')
    .filter((line) => /^\| `/.test(line))
  expect(rows).toEqual(Object.values(verbs).map(row))
})

it('every dirigent command shown is one that the verb would take', () => {
  const shown = commands
    .filter((text) => text.startsWith('dirigent '))
    .map((text) => text.split(/\s+/).slice(1))
  expect(shown.length).toBeGreaterThan(8)
  for (const [name = '', ...words] of shown) {
    if (name === 'help') continue
    const verb: VerbSpec | undefined = Object.values(verbs).find((known) => known.name === name)
    if (!verb) throw new Error(`dirigent has no verb ${name}`)
    const all: VerbSpec['options'] = { ...verb.options, repo: { type: 'string', help: '' } }
    const options = Object.fromEntries(Object.entries(all).map(([key, { type }]) => [key, { type }]))
    const { positionals } = parseArgs({ args: words, options, allowPositionals: true })
    expect(positionals.length, `dirigent ${name} ${words.join(' ')}`).toBeGreaterThanOrEqual(verb.min)
    expect(positionals.length, `dirigent ${name} ${words.join(' ')}`).toBeLessThanOrEqual(verb.max)
  }
})

it('every npm script shown exists', () => {
  const shown = commands.flatMap((text) => /^npm (?:run )?(\w+)/.exec(text)?.[1] ?? [])
  const own = shown.filter((name) => !['ci', 'install'].includes(name))
  expect(new Set(own)).toEqual(new Set(['demo', 'test', 'check', 'bench', 'build', 'chaos']))
  for (const name of own) expect(scripts, `npm run ${name}`).toHaveProperty(name)
})

it('every link leads to a file', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map((match) => match[1] ?? '')
  const named = commands.filter((text) => /^(?:lib|test|skill|bin)\/|^[A-Z]+\.md$/.test(text))
  expect([...links, ...named]).toContain('lib/DECISIONS.md')
  expect([...links, ...named].filter((path) => !existsSync(join(root, path)))).toEqual([])
})

it('the front matter shown has every field, each with a value that is allowed', () => {
  const shown = front.parse(parse(blocks(section('Specs and settings'), 'yaml')[0] ?? ''))
  expect(Object.keys(shown).sort()).toEqual(Object.keys(front.shape).sort())
})

it('the exit codes are those that every verb names in its help', () => {
  const help = readFileSync(join(root, 'lib/kit/cli.ts'), 'utf8')
  const line = /^Exit codes: (.+)\.$/m.exec(readme)?.[1] ?? ''
  expect(line).toContain('7 still pending')
  expect(help).toContain(`exit codes: ${line}`)
})

it('the project itself is set up as init would set it up', () => {
  const own = (name: string) => readFileSync(join(root, '.orchestrator-state', name), 'utf8')
  expect(own('README.md')).toBe(readmeTemplate)
  expect(own('.gitignore')).toBe(ignoreTemplate)
  expect(parse(own('config.yaml'))).toMatchObject({
    version: 1,
    verify: expect.arrayContaining(['npm test']),
  })
})

describe('the five steps of the first task', () => {
  let box: Sandbox
  afterAll(async () => {
    await box.close()
    await box.model.close()
  })

  it('lead, typed as they stand, to a change that is checked and merged', async () => {
    const page =
      'echo "A repository. Its tests: none." > NEWCOMERS.md && git add -A && git commit -qm "For newcomers"'
    // The spec has no marker: it is for a real model.
    const model = await startScriptedModel({
      scenarios: { default: [run(page), say('NEWCOMERS.md is written.')] },
    })
    box = await makeSandbox({ init: false, model })
    box.configure({})
    const installed = join(box.directory, 'installed')
    mkdirSync(installed)
    symlinkSync(join(root, 'bin', 'dirigent'), join(installed, 'dirigent'))
    const env = { ...box.env, PATH: `${installed}:${box.env.PATH}` }

    const steps = blocks(section('A first task in five steps'), 'sh')
    expect(steps).toHaveLength(5)
    const said: string[] = []
    for (const step of steps) {
      const options = { cwd: box.repo, env, extendEnv: false, stdin: 'ignore', all: true } as const
      said.push((await execa('bash', ['-euo', 'pipefail', '-c', step], options)).all)
    }
    expect(said[2]).toContain('newcomers is running, attempt 1')
    expect(said[3]).toContain('all settled')
    expect(said[4]).toMatch(/^newcomers: merged/)
    expect(said[4]).toContain('NEWCOMERS.md | 1 +')
    expect(said[4]).toContain('Dirigent-Task: newcomers')
    expect(box.read('NEWCOMERS.md')).toMatch(/^A repository/)
  })
})
