import { expect, test } from 'vitest'
import { expand, merge, overrides } from '../../../lib/tools/codex/overrides.ts'
import { tomlValue } from '../../../lib/tools/codex/toml.ts'
import { namesBelow, scanToml, valueAt } from '../../../lib/tools/codex/toml-scan.ts'

test.each([
  ['', '""'],
  ['a "b" \\ \n\t\u0001\u007f é 🙂', '"a \\"b\\" \\\\ \\n\\t\\u0001\\u007f é 🙂"'],
  ['half \ud800', '"half \ufffd"'],
  [0, '0'],
  [-0.5, '-0.5'],
  [1e-7, '1e-7'],
  [2 ** 53, '9.007199254740992e+15'],
  [Number.NaN, 'nan'],
  [Number.NEGATIVE_INFINITY, '-inf'],
  [true, 'true'],
  [[], '[]'],
  [['a', 1, [false]], '["a",1,[false]]'],
  [{}, '{}'],
  [{ a: 1, 'b.c': { 'd e': 'f' }, g: undefined }, '{a=1,"b.c"={"d e"="f"}}'],
  [[{ hooks: [{ type: 'command' }] }], '[{hooks=[{type="command"}]}]'],
])('%j is written as %s', (value, written) => {
  expect(tomlValue(value, 'x')).toBe(written)
})

test.each([[null], [undefined], [() => 1], [new Date(0)], [Symbol('s')], [{ a: [null] }]])(
  '%j has no TOML',
  (value) => {
    expect(() => tomlValue(value, 'x')).toThrow(expect.objectContaining({ code: 'bad-config' }))
  },
)

test('a nested value is written leaf by leaf, so that it replaces nothing beside it', () => {
  const ours = { features: { goals: false, apps: false } }
  const theirs = expand({ 'features.goals': true, model_providers: { x: { name: 'X', env_key: 'K' } } })
  expect(overrides(merge(ours, theirs)).filter((word) => word !== '-c')).toEqual([
    'features.goals=true',
    'features.apps=false',
    'model_providers.x.name="X"',
    'model_providers.x.env_key="K"',
  ])
})

test('a table with a name that a path cannot hold is written whole, with what else it has', () => {
  const ours = { shell_environment_policy: { set: { PATH: '/bin' } } }
  const theirs = expand({ 'shell_environment_policy.set': { 'a.b': '1' }, projects: { '/x.y': { t: 'u' } } })
  expect(overrides(merge(ours, theirs)).filter((word) => word !== '-c')).toEqual([
    'shell_environment_policy.set={PATH="/bin","a.b"="1"}',
    'projects={"/x.y"={t="u"}}',
  ])
})

test.each(['', 'a..b', 'a=b', 'a b', 'projects."/x"'])('the key %j is refused', (key) => {
  expect(() => expand({ [key]: 1 })).toThrow(expect.objectContaining({ code: 'bad-config' }))
})

test('a configuration file is scanned for tables and simple values', () => {
  const entries = scanToml(`
model_provider = "acme" # mine
# not """ this
instructions = """
[mcp_servers.not_one]
"""
mcp_servers.dotted.command = 'x'
[model_providers.acme]
env_key = 'ACME_KEY'
"base url" = "http://x/#y"
[mcp_servers."two.dot"]   # a = b
args = ["[mcp_servers.no]",
  "x"]
[mcp_servers . three-x . env]
A = "1"
[[hooks.Stop]]
`)
  expect(valueAt(entries, 'model_provider')).toBe('acme')
  expect(valueAt(entries, 'model_providers', 'acme', 'env_key')).toBe('ACME_KEY')
  expect(valueAt(entries, 'model_providers', 'acme', 'base url')).toBe('http://x/#y')
  expect(valueAt(entries, 'nothing')).toBeUndefined()
  expect(namesBelow(entries, 'mcp_servers')).toEqual(['dotted', 'two.dot', 'three-x'])
})
