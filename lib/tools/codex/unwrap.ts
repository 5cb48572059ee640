/**
 * Commands are reported as `/bin/bash -lc 'make test'`: the shell in front and the quotes are the
 * program's, not the worker's. For display only; what cannot be taken apart is shown as it came.
 */
export function unwrapShell(command: string): string {
  const wrapper = /^(?:\/\S*\/)?(?:ba|z|da|k)?sh -l?c /.exec(command)
  if (wrapper === null) return command
  return oneWord(command.slice(wrapper[0].length)) ?? command
}

/** Reads one shell word in single quotes, double quotes, bare or mixed; null when it is not just one. */
function oneWord(text: string): string | null {
  const part = /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/y
  let word = ''
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (match === null) return null
    word += match[1] ?? match[2]?.replace(/\\([$`"\\\n])/g, '$1') ?? match[3] ?? match[4] ?? ''
  }
  return word
}
