/**
 * socketserver complete WORD...: for the completions of shells, which share/ has. The words are
 * those after the program's name, the last one as far as it was typed. What it may become is
 * printed line by line, each with a tab and what it means; `:files PREFIX` stands for names of
 * files, behind that prefix.
 */
#ifndef PROGRAM_COMPLETE_H
#define PROGRAM_COMPLETE_H

int complete_main(int count, char **arguments);

#endif
