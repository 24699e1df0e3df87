/** A place in a customer, account or bucket: a column of a row, or (without a column) the row as a whole. */
export interface Place {
  table: string
  key: readonly unknown[]
  column: string
}

const DOCUMENTS: Record<string, string> = {
  analytics_customer: '',
  analytics_customeraccount: 'accounts',
  analytics_customertier: 'tier_and_details',
  analytics_customerbenefit: 'tier_and_details',
  analytics_account: '',
  analytics_accountproduct: 'products',
  analytics_bucket: '',
  analytics_transaction: 'transactions',
}

/** As text to compare by. */
export function placeId(place: Place): string {
  return JSON.stringify([place.table, place.key, place.column])
}

/** The field of the document, at its top, in which the place stands; "" for the document itself. */
export function topField(place: Place): string {
  return DOCUMENTS[place.table] || place.column
}

/** In the words of both sides: `name`, `accounts[2]`, `tier_and_details.…`. */
export function placeName(place: Place): string {
  const field = DOCUMENTS[place.table]
  const own = place.key.slice(1)
  if (!field) return place.column || 'the whole document'
  const within = own.map((part) => (typeof part === 'number' ? `[${String(part)}]` : `.${short(String(part))}`)).join('')
  // A list's element has one unnamed value; its column's name says nothing more.
  const column = field === 'accounts' || field === 'products' || !place.column ? '' : `.${place.column}`
  return `${field}${within}${column}`
}

function short(text: string): string {
  return text.length > 20 ? `${text.slice(0, 8)}…` : text
}
