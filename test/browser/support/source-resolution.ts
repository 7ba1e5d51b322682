// For `node --import`: lets 'sessile/sqlite' mean src/sqlite.ts, so that the examples, which import
// the package by its name, are tested as they are, without a build that may be an old one.

import { registerHooks } from 'node:module'

const source = new URL('../../../src/', import.meta.url)

registerHooks({
  resolve(specifier, context, nextResolve) {
    const isOurs = /^sessile(\/[a-z]+)?$/.test(specifier)
    if (!isOurs) return nextResolve(specifier, context)
    const entry = specifier.split('/')[1] ?? 'index'
    return nextResolve(new URL(`${entry}.ts`, source).href, context)
  },
})
