namespace MLNetExtensions.SampleTests.Notebooks;

/// <summary>A cell of a notebook failed.</summary>
internal sealed class NotebookException(string notebook, int cell, Exception error) : Exception($"{notebook}, cell {cell}: {error.Message}", error);
