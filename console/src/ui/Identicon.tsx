/** A small picture made of a person's id, the same wherever the person appears. */
export function Identicon({ of, size }: { of: string; size: number }) {
  const hash = fnv(of)
  const color = `var(--data-${colors[hash % colors.length]}-color-emphasis)`
  const cells: string[] = []
  for (let column = 0; column < 3; column++)
    for (let row = 0; row < 5; row++)
      if ((hash >> (column * 5 + row + 3)) & 1) for (const x of new Set([column, 4 - column])) cells.push(`M${x + 1} ${row + 1}h1v1h-1z`)
  return (
    <svg className="identicon" width={size} height={size} viewBox="0 0 7 7" aria-hidden="true" shapeRendering="crispEdges">
      <path d={cells.join('')} fill={color} />
    </svg>
  )
}

const colors = ['blue', 'green', 'purple', 'orange', 'pink', 'teal', 'coral', 'plum']

function fnv(text: string) {
  let hash = 0x811c9dc5
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193)
  hash ^= hash >>> 15
  return (Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 12)) >>> 0
}
