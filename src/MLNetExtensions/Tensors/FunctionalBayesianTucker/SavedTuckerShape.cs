namespace MLNetExtensions.Tensors;

/// <summary>The shape of a model as a file holds it.</summary>
internal sealed record SavedTuckerShape(TuckerForm Form, IReadOnlyList<int> Ranks, MaternSmoothness Smoothness, IReadOnlyList<double> LengthScales, IReadOnlyList<double> Variances)
{
    internal static SavedTuckerShape Of(FunctionalTuckerModelShape shape) => new(shape.Form, shape.Ranks, shape.Smoothness, shape.LengthScales, shape.Variances);

    internal FunctionalTuckerModelShape Shape => new()
    {
        Form = Form,
        Ranks = [.. Ranks],
        Smoothness = Smoothness,
        LengthScales = [.. LengthScales],
        Variances = [.. Variances],
    };

    /// <exception cref="FormatException">What a file holds is no shape for so many modes.</exception>
    internal void CheckContent(int modes)
    {
        static bool IsScale(double value) => value is >= FunctionalBayesianTuckerTrainer.Defaults.LeastScale and <= FunctionalBayesianTuckerTrainer.Defaults.MostScale;
        const int MostRank = 1 << 15;
        if (!Enum.IsDefined(Form) || !Enum.IsDefined(Smoothness) || Ranks.Count != modes || LengthScales.Count != modes || Variances.Count != modes || !Ranks.All(rank => rank is > 0 and <= MostRank)
            || !LengthScales.All(IsScale) || !Variances.All(IsScale)
            || (Form == TuckerForm.Cp ? Ranks.Distinct().Count() != 1 : Ranks.Aggregate(1L, (product, rank) => Math.Min(int.MaxValue, product * rank)) > FunctionalBayesianTuckerTrainer.Defaults.MostCoreElements))
        {
            throw new FormatException("The options describe no functions.");
        }
    }
}
