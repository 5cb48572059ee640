/** The project's own sources as data, for the tests that hold them to the rules of AGENTS.md. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { transformSync } from 'esbuild'
import { parseAst } from 'vitest/node'
import { root } from './sandbox.ts'

export interface Source {
  /** From the project's root: `lib/kit/cli.ts`. */
  readonly path: string
  readonly text: string
}

/** Every TypeScript file below a folder of the project. */
export function sourcesOf(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** What a source imports, types included: module names as written. The formatter keeps imports in one form. */
export function importsOf(source: Source): string[] {
  const forms = [
    /^import\b[^'"]*'([^']+)'/gm,
    /^export (?:type )?(?:\*|\{[^}]*\})[^'"]* from '([^']+)'/gm,
    /\bimport\('([^']+)'\)/g,
  ]
  return forms.flatMap((form) => [...source.text.matchAll(form)].map((match) => match[1] ?? ''))
}

/** The project files among them, from the project's root. */
export function localImportsOf(source: Source): string[] {
  return importsOf(source)
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(root, resolve(root, dirname(source.path), name)))
}

// biome-ignore lint/suspicious/noExplicitAny: nodes of a syntax tree
export type Node = any

/** Every node of the program, types and comments left out. */
export function nodesOf(source: Source): Node[] {
  const { code } = transformSync(source.text, { loader: 'ts', target: 'esnext', format: 'esm' })
  const found: Node[] = []
  const walk = (node: Node): void => {
    if (Array.isArray(node)) node.forEach(walk)
    else if (node && typeof node === 'object') {
      if (typeof node.type === 'string') found.push(node)
      for (const child of Object.values(node)) walk(child)
    }
  }
  walk(parseAst(code))
  return found
}

/** The fixed texts of string and template literals. */
export function textsOf(node: Node): string[] {
  if (node.type === 'Literal') return typeof node.value === 'string' ? [node.value] : []
  if (node.type === 'TemplateElement') return [node.value.cooked ?? '']
  return []
}

/** `process.exit(1)` → `process.exit`; `run(…)` → `run`; anything else: empty. */
export function calleeOf(node: Node): string {
  if (node.type !== 'CallExpression') return ''
  const { callee } = node
  if (callee.type === 'Identifier') return callee.name
  if (callee.type === 'MemberExpression' && callee.property.type === 'Identifier')
    return `${callee.object.type === 'Identifier' ? callee.object.name : '…'}.${callee.property.name}`
  return ''
}
