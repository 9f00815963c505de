namespace MLNetExtensions;

/// <summary>Writes PredictedLabel, Score and Probability of the rows of a batch. Scores are finite, which evaluators ask for.</summary>
internal sealed class FewShotOutputs
{
    private readonly RowBuffer<uint> _labels;
    private readonly RowBuffer<float> _scores;
    private readonly RowBuffer<float> _probabilities;

    /// <summary>Begins with a missing label and NaN in every row.</summary>
    internal FewShotOutputs(ScoringBatch batch)
    {
        (_labels, _scores, _probabilities) = (batch.Output<uint>(0), batch.Output<float>(1), batch.Output<float>(2));
        _labels.AddRows(batch.Count).Clear();
        _scores.AddRows(batch.Count).Fill(float.NaN);
        _probabilities.AddRows(batch.Count).Fill(float.NaN);
    }

    /// <summary>Writes a row.</summary>
    /// <param name="row">Its number.</param>
    /// <param name="logs">The logarithms of its assignments to some of the classes.</param>
    /// <param name="classes">Which these are, ascending; it belongs to none of the others.</param>
    internal void Write(int row, ReadOnlySpan<float> logs, ReadOnlySpan<int> classes)
    {
        var scores = _scores[row];
        var probabilities = _probabilities[row];
        scores.Fill(-FewShotSolution.LowestLog);
        probabilities.Clear();
        var best = 0;
        for (var i = 0; i < logs.Length; i++)
        {
            scores[classes[i]] = 0 - Math.Max(logs[i], FewShotSolution.LowestLog);
            probabilities[classes[i]] = MathF.Exp(logs[i]);
            best = logs[i] > logs[best] ? i : best;
        }
        _labels[row][0] = (uint)classes[best] + 1;
    }
}
