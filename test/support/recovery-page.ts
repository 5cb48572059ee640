/** The tables of skill/reference/recovery.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './sandbox.ts'
import { tableRows } from './table.ts'

const page = readFileSync(join(root, 'skill', 'reference', 'recovery.md'), 'utf8')

const cells = (section: string): string[][] =>
  tableRows(page.split(/^## /m).find((part) => part.startsWith(section)) ?? '').map((row) =>
    row.map((cell) => cell.replace(/^`([^`]*)`$/, '$1')),
  )

/** Each error of a command: code, exit code, what it means, what to type. */
export const errors = cells('Errors of a command')
/** Each class of failure of an attempt: its name, what it means, whether it goes on, what to do. */
export const failures = cells('Why an attempt failed')
