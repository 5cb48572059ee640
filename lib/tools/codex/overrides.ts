/**
 * Configuration as `-c path=value` arguments. Two habits of the program shape this (measured, 0.169):
 * a table given by `-c` replaces everything given below it before (`features={…}` undoes
 * `features.goals=false`), so all values are merged first and written leaf by leaf; and quotes in a path
 * are not understood, so below a key that is not bare the value is written as one inline table.
 */
import { Failure } from '../../kit/errors.ts'
import { isTable } from '../workers/json.ts'
import { isBareKey, tomlValue } from './toml.ts'

export type Tree = Record<string, unknown>

/** The arguments for a configuration, in its order. */
export function overrides(config: Tree): string[] {
  return leaves(config, []).flatMap(([path, value]) => ['-c', `${path}=${tomlValue(value, path)}`])
}

/** Dotted top-level keys (`features.goals: true`) become nested tables; deeper keys mean what they say. */
export function expand(config: Tree): Tree {
  let tree: Tree = {}
  for (const [path, value] of Object.entries(config)) {
    const keys = path.split('.')
    if (!keys.every(isBareKey)) {
      throw new Failure('bad-config', `codex.config: "${path}" is not a configuration path`, {
        hint: 'Write names of letters, digits, _ and -, joined by dots; put any other name inside a table.',
      })
    }
    tree = merge(tree, keys.reduceRight((inner: unknown, key) => ({ [key]: inner }), value) as Tree)
  }
  return tree
}

/** Both trees in one; where they differ, the second wins. */
export function merge(first: Tree, second: Tree): Tree {
  const result: Tree = { ...first }
  for (const [key, value] of Object.entries(second)) {
    const known = result[key]
    result[key] = isTable(known) && isTable(value) ? merge(known, value) : value
  }
  return result
}

function leaves(tree: Tree, above: string[]): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string, unknown][] => {
    if (value === undefined) return []
    const path = [...above, key]
    const open = isTable(value) && Object.keys(value).length > 0 && Object.keys(value).every(isBareKey)
    return open ? leaves(value, path) : [[path.join('.'), value]]
  })
}
