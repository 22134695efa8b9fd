import { loansAtScale } from './loans.ts';
import { surveyAtScale } from './survey-at-scale.ts';

/** The survey of 10,000 functions should take no longer, from a cold start. */
const AIM_SURVEY_MS = 1000;
/** What an add or a remove among 500 VMs may cost, as a multiple of one with one VM. */
const AIM_RATIO = 1.2;

export interface ScaleOptions {
  readonly json: boolean;
}

/** Measures what grows with a host, on simulated hosts, and prints it: the survey, and lending among many VMs. */
export async function scale({ json }: ScaleOptions): Promise<void> {
  process.stderr.write('making a host of 10,000 functions, and surveying it\n');
  const { survey10kMs, laterMs } = surveyAtScale();
  process.stderr.write('making 500 VMs with 4 functions each, and lending one more again and again\n');
  const { addRatio500, removeRatio500, addMs, removeMs } = await loansAtScale();
  if (json) {
    const line = {
      bench: 'scale',
      survey10kMs: Math.round(survey10kMs),
      addRatio500: twoDigits(addRatio500),
      removeRatio500: twoDigits(removeRatio500),
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  const later = laterMs.map((ms) => Math.round(ms)).join(', ');
  process.stdout.write(
    `survey of 10,000 functions: ${Math.round(survey10kMs)} ms (aim: at most ${AIM_SURVEY_MS}); later ones in the same process: ${later}\n` +
      loanLine('add', addRatio500, addMs) +
      loanLine('remove', removeRatio500, removeMs),
  );
}

function loanLine(what: string, ratio: number, ms: { readonly one: number; readonly many: number }): string {
  const [one, many] = [ms.one.toFixed(3), ms.many.toFixed(3)];
  return `${what} among 500 VMs and 2,000 lent functions: ${ratio.toFixed(2)} times one with one VM (aim: at most ${AIM_RATIO}); ${many} ms and ${one} ms\n`;
}

const twoDigits = (value: number): number => Math.round(value * 100) / 100;
