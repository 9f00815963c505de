using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>A model that scores each row from one column of features, so that permutation feature importance can be computed of it.</summary>
/// <typeparam name="TModel">What <see cref="IPredictionTransformer{TModel}.Model"/> gives.</typeparam>
public abstract class FeatureScoringTransformer<TModel> : RowScoringTransformer, ISingleFeaturePredictionTransformer<TModel>, ISingleFeaturePredictionTransformer
    where TModel : class
{
    private protected FeatureScoringTransformer(IHost host)
        : base(host)
    {
    }

    internal abstract string FeatureColumn { get; }

    internal abstract DataViewType FeatureType { get; }

    internal abstract TModel PredictionModel { get; }

    internal override DataViewType GetOnnxInputType(int input) => input == 0 ? FeatureType : base.GetOnnxInputType(input);

    string ISingleFeaturePredictionTransformer<TModel>.FeatureColumnName => FeatureColumn;

    string ISingleFeaturePredictionTransformer.FeatureColumnName => FeatureColumn;

    DataViewType ISingleFeaturePredictionTransformer<TModel>.FeatureColumnType => FeatureType;

    TModel IPredictionTransformer<TModel>.Model => PredictionModel;
}
