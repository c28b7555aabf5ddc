/** Why signing in with a provider ended without a session, and what to do about it. */
const problems: Record<string, (provider: string) => string> = {
  provider_away: (provider) => `${provider} does not answer. Try again in a while, or sign in with a password.`,
  cancelled: (provider) => `Signing in with ${provider} was cancelled.`,
  expired: () => 'This sign-in was begun in another browser, or too long ago. Begin again.',
  refused_token: (provider) => `What ${provider} answered cannot be trusted. Tell an administrator; the reason is in Cairn's own log.`,
  clocks_differ: (provider) => `The clocks of Cairn and ${provider} differ too much. Tell an administrator.`,
  no_role: (provider) => `${provider} gives your account no role in Cairn. Ask an administrator for one.`,
  account_disabled: () => 'Your account is disabled. Ask an administrator to enable it.',
  no_administrator: () => 'There is no administrator yet. Open the one-time sign-in link that Cairn printed when it started.',
  email_unverified: (name) => `${name} gives no e-mail address of yours that it has checked. Confirm your address there, then sign in again.`,
  email_taken: () => 'Another account has your e-mail address. Ask an administrator which one is yours.',
  last_administrator: () => 'You are the last administrator, and the provider would take that role away. Make someone else an administrator first.',
}

export const providerProblem = (code: string, provider = 'The provider') => problems[code]?.(provider) ?? 'The provider refused. Try again, or tell an administrator.'
