/** What may be made of a planning worker's report, which is data like everything that a worker writes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { planLimit, plannedSpec, readPlan } from '../../lib/state/plan.ts'
import type { Settings } from '../../lib/state/schema/status.ts'
import { splitSpec } from '../../lib/state/sections.ts'
import { plainSettings } from '../support/records.ts'
import { root } from '../support/sandbox.ts'

const own: Settings = {
  ...plainSettings,
  plan: true,
  change: 'none',
  verify: ['npm test'],
  paths: ['src/**'],
  model: 'gpt-5.5',
  attempts: 2,
  budget: { minutes: 30, tokens: null },
  priority: 7,
  tags: ['mine'],
  base: { branch: 'main', remote: 'origin' },
}
const one = '---\ntitle: One\n---\nDo it.\n'
const read = async (report: string) => await readPlan(report, own)
const titles = async (report: string) => (await read(report)).map(({ title }) => title)

describe('a report', () => {
  it.each([
    ['as it should be', one],
    ['with empty lines around it', `\n\n${one}\n\n`],
    ['in a fence', `\`\`\`markdown\n${one}\`\`\``],
    ['in a longer fence', `\`\`\`\`md\n${one}\n\`\`\`sh\nls\n\`\`\`\n\`\`\`\``],
    ['in a fence of no language', `~~~\n${one}~~~`],
    ['that ends with a fence of its own', `${one}\n\`\`\`sh\nls\n\`\`\``],
  ])('%s is a plan', async (_, report) => {
    expect(await titles(report)).toEqual(['One'])
  })

  it.each([
    ['that talks first', `Here it is:\n\n${one}`, /does not begin with front matter/],
    ['that is no spec', 'All is planned.', /does not begin with front matter/],
    ['that is empty', '', /does not begin with front matter/],
    ['without a title', '---\nverify: []\n---\nDo it.', /has no title/],
    ['without a text', '---\ntitle: One\n---\n', /says nothing to do/],
    [
      'with an empty section',
      '---\nverify: []\n---\n## Task a: A\n## Task b: B\nx',
      /section a of the plan says nothing/,
    ],
    ['whose front matter is not closed', '---\ntitle: One\nDo it.', /never closed/],
    ['that is cut', `${one}${'x'.repeat(planLimit)}`, /longer than 61440 bytes/],
    [
      'of a thousand tasks',
      `---\n---\n${Array.from({ length: 1000 }, (_, n) => `## Task: t${n}\nx\n`).join('')}`,
      /has 1000 sections; at most 50/,
    ],
    [
      'with a bomb of aliases',
      `---\na: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghi'
        .split('')
        .map((name, n) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[n]}`).join(', ')}]`)
        .join('\n')}\ntitle: One\n---\nx`,
      /alias|not a field/,
    ],
    ['with a deep nest', `---\ntitle: ${'['.repeat(20_000)}\n---\nx`, /the plan:\d+:/],
    ['with a key twice', '---\ntitle: One\ntitle: Two\n---\nx', /unique/],
    ['with a NUL', '---\ntitle: One\n---\n\0', /NUL/],
  ])('%s is none', async (_, report, says) => {
    const began = Date.now()
    await expect(read(report)).rejects.toMatchObject({
      code: 'bad-spec',
      message: expect.stringMatching(says),
    })
    expect(Date.now() - began).toBeLessThan(5000)
  })

  it.each([
    ['base: evil', /base is not for a plan to decide/],
    ['worker: codex', /worker is not/],
    ['model: dear', /model is not/],
    ['effort: high', /effort is not/],
    ['priority: 1000000', /priority is not/],
    ['attempts: 3', /attempts is 3, and its own task has 2/],
    ['budget: { minutes: 31 }', /budget\.minutes is 31/],
    ['tags: ["plan:other#1"]', /tags that begin with plan:/],
    ['colour: red', /colour is not a field/],
    ['verify: rm -rf', /verify/],
    ['__proto__: { plan: true }', /./],
  ])('that says %j is none, in the front matter of all and in that of a section', async (line, says) => {
    const refusal = { code: 'bad-spec', message: expect.stringMatching(says) }
    await expect(read(`---\ntitle: One\n${line}\n---\nDo it.`)).rejects.toMatchObject(refusal)
    const section = `---\nverify: []\n---\n## Task a: A\n\`\`\`yaml\n${line}\n\`\`\`\nDo it.`
    await expect(read(section)).rejects.toMatchObject(refusal)
  })
})

it('is what the planner is shown as an example, and what the README shows is split', async () => {
  const page = (name: string) => readFileSync(join(root, name), 'utf8')
  const shown = (text: string) =>
    [...text.matchAll(/^(`{3,})markdown\n([\s\S]*?)^\1$/gm)].map((match) => match[2] ?? '')
  const examples = shown(page('skill/prompts/plan.md'))
  const plans = await Promise.all(examples.map(read))
  expect(plans.map((plan) => plan.map(({ id }) => id))).toEqual([[null], ['add-sessions', 'add-login']])
  expect(plans[1]?.[1]?.front).toMatchObject({ needs: ['add-sessions'], verify: ['npm test'] })
  const [several = ''] = shown(page('README.md'))
  const tasks = await splitSpec(Buffer.from(several), 'README.md')
  expect(tasks.map(({ id }) => id)).toEqual(['add-rates', 'add-invoice'])
  expect(tasks[0]?.spec.body).toMatch(/^Amounts are integers/)
  expect(tasks[1]?.spec.front.needs).toEqual(['add-rates'])
})

it('decides what it may, and its own task the rest', async () => {
  const [planned] = await read(
    '---\ntitle: "One: \\"two\\" ---"\nverify: [make check]\nbudget: { tokens: 5 }\nneeds: [a]\ntags: [b]\n---\nDo it.\n\n---\n\nAll of it.',
  )
  if (!planned) throw new Error('no plan')
  const spec = await plannedSpec(own, planned, { needs: ['a-2'], tags: ['plan:x#1'] })
  expect(spec.front).toEqual({
    title: 'One: "two" ---',
    needs: ['a-2'],
    verify: ['make check'],
    paths: ['src/**'],
    worker: 'codex',
    model: 'gpt-5.5',
    attempts: 2,
    budget: { minutes: 30, tokens: 5 },
    priority: 7,
    tags: ['mine', 'b', 'plan:x#1'],
    change: 'branch',
    base: 'origin/main',
  })
  expect(spec.body.trim()).toBe('Do it.\n\n---\n\nAll of it.')
  const silent = await plannedSpec(
    own,
    { id: null, title: 'x', front: {}, body: 'x' },
    { needs: [], tags: [] },
  )
  expect(silent.front.verify).toEqual(['npm test'])
  const report = { id: null, title: 'x', front: { change: 'none' as const }, body: 'x' }
  expect((await plannedSpec(own, report, { needs: [], tags: [] })).front.verify).toEqual([])
})
