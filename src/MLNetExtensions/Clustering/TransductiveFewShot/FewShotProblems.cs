namespace MLNetExtensions;

/// <summary>Collects problems for the solver, one after the other. The classes of each are counted from 0: which they are is the caller's to know.</summary>
internal sealed class FewShotProblems
{
    private readonly int _dimension;
    private readonly float[] _features;
    private readonly int[] _labels;
    private readonly List<int> _starts = [0];
    private readonly List<int> _classes = [];
    private int _rows;
    private long _assignments;

    /// <param name="dimension">The number of features.</param>
    /// <param name="rows">The number of rows of all problems together.</param>
    /// <exception cref="InvalidOperationException">They do not fit into memory.</exception>
    internal FewShotProblems(int dimension, long rows)
    {
        if (rows * dimension > Array.MaxLength)
        {
            throw Check.BadData(null, $"{rows} rows of {dimension} features, the labelled ones of all episodes included, are more than the {Array.MaxLength} values that fit into memory at once.");
        }
        _dimension = dimension;
        _features = new float[rows * dimension];
        _labels = new int[rows];
    }

    /// <summary>Adds a row to the problem that <see cref="End"/> ends.</summary>
    /// <param name="features">The features of the row.</param>
    /// <param name="label">Its class; -1 = to be told.</param>
    internal void Add(ReadOnlySpan<float> features, int label)
    {
        features.CopyTo(_features.AsSpan(_rows * _dimension, _dimension));
        _labels[_rows++] = label;
    }

    /// <summary>Ends a problem of so many classes.</summary>
    /// <exception cref="InvalidOperationException">The solution would not fit into memory.</exception>
    internal void End(int classes)
    {
        _assignments += (long)(_rows - _starts[^1]) * classes;
        if (_assignments > Array.MaxLength)
        {
            throw Check.BadData(null, $"The rows have more assignments to their classes than the {Array.MaxLength} values that fit into memory at once.");
        }
        _starts.Add(_rows);
        _classes.Add(classes);
    }

    /// <summary>All problems, once every row was added.</summary>
    /// <param name="clusters">How many of the last classes of each problem are clusters.</param>
    internal FewShotRows ToRows(int clusters = 0) => new() { Features = _features, Dimension = _dimension, Starts = [.. _starts], Labels = _labels, Classes = [.. _classes], Clusters = clusters };
}
