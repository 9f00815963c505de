using Microsoft.ML.Data;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;

namespace Microsoft.ML;

/// <summary>What can be done with a trained forecaster, alone or inside a chain.</summary>
public static class ForecastingModelExtensions
{
    /// <summary>
    /// Creates an engine that takes one row after the other and forecasts from the last ones. The transformers before and after the forecaster are run row by row.
    /// </summary>
    /// <typeparam name="TIn">A row of the data, as the pipeline reads it.</typeparam>
    /// <typeparam name="TOut">The columns to return.</typeparam>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="context">The context.</param>
    /// <param name="outputColumnName">The output column of the forecaster meant, where the model holds several. Null: the only one.</param>
    /// <param name="inputSchemaDefinition">
    /// How the members of <typeparamref name="TIn"/> become columns, for instance the size of a vector that is known only at run time. Null: as its attributes say.
    /// </param>
    /// <returns>The engine, which begins with the end of the data that the model was trained on.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> or <paramref name="context"/> is null.</exception>
    /// <exception cref="InvalidOperationException">
    /// The model holds no such forecaster, or several and none is named, or a transformer that does not map row by row.
    /// </exception>
    public static ForecastEngine<TIn, TOut> CreateForecastEngine<TIn, TOut>(this ITransformer model, MLContext context, string? outputColumnName = null,
        SchemaDefinition? inputSchemaDefinition = null)
        where TIn : class
        where TOut : class, new()
    {
        ArgumentNullException.ThrowIfNull(context);
        Check.NotNull(context, model);
        return new(context, model, outputColumnName, inputSchemaDefinition);
    }

    /// <summary>Returns how much each channel listens to each other one: the mixing matrices that OLinear has learned.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="context">The context.</param>
    /// <param name="outputColumnName">The output column of the forecaster meant, where the model holds several. Null: the only one.</param>
    /// <returns>The influence of channels on channels.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> or <paramref name="context"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The model holds no such forecaster, or several and none is named.</exception>
    public static ChannelInfluence GetChannelInfluence(this ITransformer model, MLContext context, string? outputColumnName = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        Check.NotNull(context, model);
        return ForecastingTransformer.Find<OLinearTransformer>(context, model, outputColumnName).GetChannelInfluence();
    }
}
