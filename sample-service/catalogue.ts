// The dozen products a fresh database starts with, so that `GET /catalogue` has something cheap to read.

import type { Product } from './database.ts'

const NAMES = [
  'Lighthouse lamp', 'Storm lantern', 'Rope, 20 m', 'Tide table', 'Brass compass', 'Oilskin coat',
  'Signal flag set', 'Deck brush', 'Anchor, 8 kg', 'Fog horn', 'Chart of the bay', 'Life ring'
]

/** Names are unique, prices are in minor units. */
export const CATALOGUE: readonly Product[] = NAMES.map((name, position) => ({
  sku: `sku-${String(position + 1).padStart(3, '0')}`,
  name,
  price: 990 + position * 450,
  currency: 'EUR'
}))
