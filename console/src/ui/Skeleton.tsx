import { SkeletonBox } from '@primer/react/experimental'

/** The place of a text that is on its way. */
export const Skeleton = ({ width, height = '14px' }: { width: string; height?: string }) => <SkeletonBox width={width} height={height} />
