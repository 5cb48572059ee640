/** The demo's four tasks. The specs are real: `--live` gives the very same ones to a real model. */

export interface DemoTask {
  readonly id: string
  readonly spec: string
  /** The state it must end in. */
  readonly ends: 'merged' | 'done'
}

export const tasks: readonly DemoTask[] = [
  {
    id: 'roman-numerals',
    ends: 'merged',
    spec: `---
title: Write the Roman numerals
verify: [node --test test/roman.test.js]
paths: ["src/**"]
---
\`src/roman.js\` is a stub. Write \`toRoman\` as its comment says, with the subtractive forms (4 is IV, 900 is CM).
The tests in \`test/roman.test.js\` say what is wanted; they stay as they are.
`,
  },
  {
    id: 'slugs',
    ends: 'merged',
    spec: `---
title: Write the slugs
verify: [node --test test/slug.test.js]
paths: ["src/**"]
---
\`src/slug.js\` is a stub. Write \`slug\` as its comment says, without dependencies.
The tests in \`test/slug.test.js\` say what is wanted; they stay as they are.
`,
  },
  {
    id: 'headings',
    ends: 'merged',
    spec: `---
title: Write the headings
needs: [roman-numerals, slugs]
verify: [npm test]
paths: ["src/**"]
---
\`src/heading.js\` is a stub. Write \`heading\` as its comment says, by means of \`toRoman\` and \`slug\`, which
other tasks have written by the time you read this. All tests must pass; they stay as they are.
`,
  },
  {
    id: 'test-gaps',
    ends: 'done',
    spec: `---
title: Find out what the tests leave open
change: none
---
Read \`src/\` and \`test/\`. Report, in five lines at most, which inputs a user of this library could give
whose outcome neither a comment nor a test settles.
`,
  },
]
