/** Saves an answer under the name that the server gives it. */
export async function saveFile(answer: Response) {
  const name = /filename="([^"/\\]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? 'export'
  const address = URL.createObjectURL(await answer.blob())
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
