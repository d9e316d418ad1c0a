export { LONGEST_BANDWIDTH, parseBandwidth, parseRate, type RateAt } from './calendar.ts';
export { BandwidthLimits, type LinkEnds } from './limits.ts';
export { Pacer, type PacerClock } from './pacer.ts';
