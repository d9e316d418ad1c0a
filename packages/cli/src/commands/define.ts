import { type Command, Option } from 'commander';

/** How a command appears in its help. */
export interface CommandText {
  /** Name and arguments as commander writes them: `create <name>`. */
  usage: string;
  describe: string;
  /** Whole command lines that work as they stand. */
  examples: string[];
  /** Further lines of help, after the examples. */
  notes?: string;
}

export function defineCommand(parent: Command, text: CommandText): Command {
  const command = parent.command(text.usage).description(text.describe);
  const examples = text.examples.map((line) => `  ${line}\n`).join('');
  const notes = text.notes === undefined ? '' : `\n${text.notes}\n`;
  return command.addHelpText('after', `\nExamples:\n${examples}${notes}`).allowExcessArguments(false);
}

export function jsonOption(describe = 'print one JSON document'): Option {
  return new Option('--json', describe);
}

export function choice(flags: string, describe: string, choices: string[]): Option {
  return new Option(flags, describe).choices(choices);
}
