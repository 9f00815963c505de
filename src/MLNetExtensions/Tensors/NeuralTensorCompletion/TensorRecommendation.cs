namespace MLNetExtensions.Tensors;

/// <summary>A key that completes a cell, and the score of that cell.</summary>
public sealed class TensorRecommendation
{
    internal TensorRecommendation(string key, float score) => (Key, Score) = (key, score);

    /// <summary>The value of the key, as text in invariant form; the number of the key where it has no value.</summary>
    public string Key { get; }

    /// <summary>The score, in the units of the label.</summary>
    public float Score { get; }

    /// <summary>Key and score.</summary>
    public override string ToString() => FormattableString.Invariant($"{Key}: {Score:G6}");
}
