namespace MLNetExtensions.Tensors;

/// <summary>A key that completes a cell, and the score of that cell.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class TensorRecommendation : IDisplayed
{
    internal TensorRecommendation(string key, float score) => (Key, Score) = (key, score);

    /// <summary>The value of the key, as text in invariant form; the number of the key where it has no value.</summary>
    public string Key { get; }

    /// <summary>The score, in the units of the label.</summary>
    public float Score { get; }

    /// <summary>Key and score.</summary>
    public override string ToString() => FormattableString.Invariant($"{Key}: {Score:G6}");

    /// <summary>Key and score as a table.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section("Recommendation", [Html.Table("Score", [(Key, (double)Score)])]);
}
