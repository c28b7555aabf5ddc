/** Three stones: a cairn. */
export const Mark = ({ size }: { size: number }) => (
  <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
    <ellipse cx="16" cy="26" rx="12" ry="4.5" fill="var(--fgColor-muted)" />
    <ellipse cx="16" cy="17.5" rx="8.5" ry="4" fill="var(--fgColor-accent)" />
    <ellipse cx="16" cy="9.5" rx="5" ry="3.5" fill="var(--fgColor-success)" />
  </svg>
)
