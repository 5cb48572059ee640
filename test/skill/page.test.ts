/** SKILL.md: short, portable, and in agreement with the verbs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'gpt-tokenizer'
import { expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { verbRules } from '../../lib/flows/init/permissions.ts'
import { divide, parse, type VerbSpec } from '../../lib/kit/arguments.ts'
import { front as specFront } from '../../lib/state/schema/spec.ts'
import { splitSpec } from '../../lib/state/sections.ts'
import { parseSpec } from '../../lib/state/spec.ts'
import { verbs } from '../../lib/view/verbs.ts'
import { root } from '../support/sandbox.ts'

const page = readFileSync(join(root, 'skill', 'SKILL.md'), 'utf8')
const [, front = '', body = ''] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(page) ?? []
const fields = parseYaml(front)

it('is under 200 lines and 5,000 tokens', () => {
  const tokens = encode(page).length
  console.log(`SKILL.md: ${page.split('\n').length} lines, ${tokens} tokens`)
  expect(page.split('\n').length).toBeLessThan(200)
  expect(tokens).toBeLessThan(5000)
})

it('has portable front matter only, and a description that says when and not how', () => {
  const portable = ['name', 'description', 'license', 'compatibility', 'metadata', 'allowed-tools']
  expect(Object.keys(fields).filter((name) => !portable.includes(name))).toEqual([])
  expect(fields.name).toBe('dirigent')
  expect(fields.description).toMatch(/^Use when /)
  expect(fields.description.length).toBeLessThan(1024)
})

it('allows the verbs that init allows, and help and reading', () => {
  const allowed = fields['allowed-tools'].split(/,\s*/)
  expect(allowed.sort()).toEqual([...verbRules(), 'Bash(dirigent help:*)', 'Read'].sort())
})

it('lists every verb of an orchestrator’s, and no other', () => {
  const table = body.split(/^## /m).find((part) => part.startsWith('The verbs')) ?? ''
  const listed = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
  )
  const wanted = verbRules().map((rule) => /^Bash\(dirigent ([a-z-]+):/.exec(rule)?.[1])
  expect(listed.sort()).toEqual(wanted.sort())
  expect(Object.keys(verbs)).toEqual(expect.arrayContaining(listed as string[]))
})

it('points to pages that are there', () => {
  const pages = [...body.matchAll(/`(reference\/[a-z-]+\.md)`/g)].map(([, path = '']) => path)
  expect(pages.length).toBeGreaterThan(3)
  expect(pages.filter((path) => !existsSync(join(root, 'skill', path)))).toEqual([])
})

/** Every page that an orchestrator or a worker reads. */
const pages = readdirSync(join(root, 'skill'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.md'),
)

// Seen to fail: with an option misspelt in SKILL.md, and with a verb that there is not in recovery.md.
it.each(pages)('%s shows only commands that their verbs would take', (name) => {
  const text = readFileSync(join(root, 'skill', name), 'utf8')
  const shown = [...text.matchAll(/^dirigent .*$|`(dirigent [^`]+)`/gm)]
    .flatMap(([line, quoted]) => (quoted ?? line).replace(/<<.*/s, '').split('&&'))
    .map((command) => command.match(/"[^"]*"|'[^']*'|\S+/g)?.slice(1) ?? [])
    .filter(([verb]) => verb !== 'help' && verb !== 'VERB')
  for (const [verb = '', ...words] of shown) {
    const spec: VerbSpec | undefined = Object.values(verbs).find((known) => known.name === verb)
    if (!spec) throw new Error(`dirigent has no verb ${verb}`)
    // A verb alone is only spoken of.
    if (words.length > 0) expect(() => parse(spec, divide(spec, words))).not.toThrow()
  }
})

/** As an orchestrator would copy them: what stands between `<<'END'` and END, and what a page shows as Markdown. */
const specs = pages.flatMap((name) => {
  const text = readFileSync(join(root, 'skill', name), 'utf8')
  const shown = text.matchAll(/<<'END'\n([\s\S]*?)^END$|^(`{3,})markdown\n([\s\S]*?)^\2$/gm)
  return [...shown].map(([, typed, , page]) => ({ name, spec: typed ?? page ?? '' }))
})

// Seen to fail: with a field misspelt, and with a block that another one inside it ended.
it('shows only specs that are taken', async () => {
  expect(specs.length).toBeGreaterThan(4)
  for (const { name, spec } of specs) {
    const bytes = Buffer.from(spec)
    await (spec.includes('## Task ') ? splitSpec(bytes, name) : parseSpec(bytes, name))
  }
})

it('names every field of a spec, each with a value that is allowed', () => {
  const text = readFileSync(join(root, 'skill/reference/specs.md'), 'utf8')
  const shown = specFront.parse(parseYaml(/^```yaml\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? ''))
  expect(Object.keys(shown).sort()).toEqual(Object.keys(specFront.shape).sort())
})

it('ends every step on something that can be checked', () => {
  // The others are rules, words and lists.
  const acts = /^(?:### |## (?:Cold start|Your context|When ))/m
  const steps = body
    .split(/^(?=##)/m)
    .filter((part) => acts.test(part))
    .map((part) => part.trimEnd().split('\n\n').at(-1) ?? '')
  expect(steps.length).toBeGreaterThan(8)
  expect(steps.filter((end) => !/^Done when\b/.test(end))).toEqual([])
})

// Seen to fail: with an answer in double quotes, in which a shell would run what a worker has put there.
it('shows nobody’s words where a shell would run them', () => {
  const shown = pages.flatMap((name) => {
    const text = readFileSync(join(root, 'skill', name), 'utf8')
    return [...text.matchAll(/^dirigent .*$|`(dirigent [^`]+)`/gm)].map(([line, quoted]) => quoted ?? line)
  })
  expect(shown.length).toBeGreaterThan(50)
  expect(shown.filter((line) => /^dirigent (?!ask )[^<']*"|<<(?!'END')/.test(line))).toEqual([])
})
