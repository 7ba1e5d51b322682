import { StoreUnavailableError } from '../../src/core/errors.ts'
import type { Store } from '../../src/core/store.ts'

/** A store that answers with promises and hands every verb to `inner`, except the overridden ones. */
export function delegatingStore(inner: Store, overrides: Partial<Store> = {}): Store {
  return {
    loadsSynchronously: false,
    create: async (...given) => inner.create(...given),
    load: async (...given) => inner.load(...given),
    save: async (...given) => inner.save(...given),
    touch: async (...given) => inner.touch(...given),
    delete: async (...given) => inner.delete(...given),
    sweep: async (...given) => inner.sweep(...given),
    list: async (...given) => inner.list(...given),
    scan: async (...given) => inner.scan(...given),
    deleteAll: async (...given) => inner.deleteAll(...given),
    close: async () => inner.close(),
    ...overrides,
  }
}

/** One of several stores on the records of `shared`: closing it closes only itself. */
export function connectedStore(shared: Store): Store {
  let closed = false
  return delegatingStore({
    loadsSynchronously: false,
    create: (...given) => open().create(...given),
    load: (...given) => open().load(...given),
    save: (...given) => open().save(...given),
    touch: (...given) => open().touch(...given),
    delete: (...given) => open().delete(...given),
    sweep: (...given) => open().sweep(...given),
    list: (...given) => open().list(...given),
    scan: (...given) => open().scan(...given),
    deleteAll: (...given) => open().deleteAll(...given),
    close() {
      closed = true
    },
  })

  function open(): Store {
    if (closed) throw new StoreUnavailableError('This store is closed.')
    return shared
  }
}
