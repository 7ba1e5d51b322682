/** What can be bought. All of them stay in one place. */
export const catalogue = [
  { id: 'barnacle', name: 'Barnacle mug', price: 14 },
  { id: 'coral', name: 'Coral notebook', price: 9 },
  { id: 'anemone', name: 'Anemone lamp', price: 38 },
] as const

/** How many of each item: `{ coral: 2 }`. */
export type Cart = Readonly<Record<string, number>>

export function findItem(id: string) {
  return catalogue.find((item) => item.id === id)
}

export function changeCart(cart: Cart, id: string, by: 1 | -1): Cart {
  const { [id]: count = 0, ...others } = cart
  return count + by > 0 ? { ...others, [id]: count + by } : others
}
