// For `node --import`: lets 'sessile/sqlite' mean src/sqlite.ts, so that the examples, which import
// the package by its name, are tested as they are without a build that may be an old one.

import { registerHooks } from 'node:module'

const source = new URL('../../../src/', import.meta.url)

registerHooks({
  resolve(specifier, context, nextResolve) {
    const [, entry] = /^sessile(?:\/([a-z]+))?$/.exec(specifier) ?? [null, null]
    if (entry === null) return nextResolve(specifier, context)
    return nextResolve(new URL(`${entry ?? 'index'}.ts`, source).href, context)
  },
})
